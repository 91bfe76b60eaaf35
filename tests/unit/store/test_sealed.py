"""Tokens and bodies open for their own row alone."""

import pytest

from afpd.errors import SecretError
from afpd.keyring import Keyring
from afpd.store.sealed import open_body, open_token, seal_body, seal_token


def test_a_token_opens_for_its_integration_and_column_alone():
    keyring = Keyring.generate()
    sealed = seal_token(keyring, 17, "refresh_token", "1//secret")

    assert b"secret" not in sealed
    assert open_token(keyring, 17, "refresh_token", sealed) == "1//secret"
    for integration, which in ((18, "refresh_token"), (17, "access_token")):
        with pytest.raises(SecretError):
            open_token(keyring, integration, which, sealed)


def test_a_body_is_compressed_and_opens_for_its_mail_alone():
    keyring, raw = Keyring.generate(), b"Subject: x\r\n\r\n" + b"spaces " * 1000
    sealed = seal_body(keyring, 17, "18f", raw)

    assert len(sealed) < len(raw) / 10
    assert open_body(keyring, 17, "18f", sealed) == raw
    for integration, mail in ((None, "18f"), (17, "18e")):
        with pytest.raises(SecretError):
            open_body(keyring, integration, mail, sealed)
