"""What a service account signs, and that nothing of its key shows."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from afpd.config import ServiceAccount
from afpd.errors import ConfigError
from afpd.gmail.assertion import Delegated, Signer

NOW = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)
SCOPE = "https://www.googleapis.com/auth/gmail.readonly"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def account(key: rsa.RSAPrivateKey) -> ServiceAccount:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ServiceAccount("robot@project.example", key.private_bytes(*form).decode(), "key-1", "https://token.example")


def test_the_claim_names_who_signs_for_whom_what_is_asked_and_for_less_than_an_hour(
    account: ServiceAccount, key: rsa.RSAPrivateKey
) -> None:
    token = Signer(account, SCOPE).sign(Delegated("ana@example.com"), NOW)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header, claims, _, _ = jwt._unverified_decode(token)
    assert header == {"typ": "JWT", "alg": "RS256", "kid": "key-1"}
    assert claims == json.loads(json.dumps(claims)) | {
        "iss": "robot@project.example",
        "sub": "ana@example.com",
        "scope": SCOPE,
        "aud": "https://token.example",
    }
    assert timedelta(minutes=30) < timedelta(seconds=claims["exp"] - claims["iat"]) <= timedelta(hours=1)
    assert claims["iat"] <= NOW.timestamp() < claims["exp"]
    with pytest.raises(ValueError, match="expired"):
        jwt.decode(token, certs=public.decode(), audience="https://token.example")


@pytest.mark.parametrize("broken", ["s3cret", "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n"])
def test_a_broken_key_is_told_without_any_of_it(broken: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Signer(ServiceAccount("robot@project.example", broken), SCOPE)
    assert "s3cret" not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"


def test_nothing_shows_the_key_or_the_address(account: ServiceAccount) -> None:
    shown = f"{account!r} {Signer(account, SCOPE)!r} {Delegated('ana@example.com')!r}"
    assert "PRIVATE" not in shown
    assert "ana@" not in shown


def test_the_domain_decides_whatever_the_case() -> None:
    assert Delegated("Ana@Example.COM").domain == "example.com"
