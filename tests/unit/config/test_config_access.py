"""The key of a service account, and where notices go."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from afpd.config import Settings, parse_service_account, read_keys, read_service_account
from afpd.config.notices import NoticesSettings
from afpd.errors import ConfigError, SecretError

KEY = {"type": "service_account", "client_email": "robot@p.example", "private_key": "s3cret", "private_key_id": "k"}
CLIENT = {"installed": {"client_id": "id", "client_secret": "s3cret"}}


def write(path: Path, document: object, mode: int = 0o600) -> Path:
    path.write_text(json.dumps(document))
    path.chmod(mode)
    return path


def settings(folder: Path, account: Path | None) -> Settings:
    gmail = {"client_file": folder / "client_secret.json", "service_account_file": account or ""}
    return Settings.model_validate({"gmail": gmail})


def test_the_key_is_read_and_nothing_of_it_shows(tmp_path: Path) -> None:
    account = read_service_account(settings(tmp_path, write(tmp_path / "key.json", KEY)), environ={})
    assert account is not None
    assert (account.email, account.key_id) == ("robot@p.example", "k")
    assert account.token_uri == "https://oauth2.googleapis.com/token"
    assert "s3cret" not in repr(account)


def test_without_the_setting_there_is_none_unless_systemd_hands_one_over(tmp_path: Path) -> None:
    assert read_service_account(settings(tmp_path, None), environ={}) is None
    write(tmp_path / "service_account.json", KEY, 0o440)
    found = read_service_account(settings(tmp_path, None), environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found is not None


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SecretError, match="chmod 600"):
        read_service_account(settings(tmp_path, write(tmp_path / "key.json", KEY, mode)), environ={})


def test_a_key_that_was_named_and_is_not_there_is_a_missing_secret(tmp_path: Path) -> None:
    with pytest.raises(SecretError) as caught:
        read_service_account(settings(tmp_path, tmp_path / "key.json"), environ={})
    assert caught.value.exit_code == 77


@pytest.mark.parametrize(
    "content", [b"s3cret", b"[]", json.dumps(CLIENT).encode(), json.dumps(KEY | {"private_key": ""}).encode()]
)
def test_what_is_no_key_is_told_without_its_content(content: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_service_account(content, "key.json")
    assert "s3cret" not in str(caught.value)


def test_the_oauth_client_may_be_missing_only_beside_a_service_account(tmp_path: Path) -> None:
    with pytest.raises(SecretError):
        read_keys(settings(tmp_path, None), environ={})
    account = write(tmp_path / "key.json", KEY)
    assert read_keys(settings(tmp_path, account), environ={}).client is None
    write(tmp_path / "client_secret.json", CLIENT)
    keys = read_keys(settings(tmp_path, account), environ={})
    assert keys.client is not None
    assert keys.account is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook": "http://example.com/hook"},
        {"webhook": "example.com"},
        {"webhook": "https://user:s3cret@example.com"},
        {"command": ("",)},
        {"command": ("/bin/tell", "a\0b")},
        {"timeout": "1h"},
    ],
)
def test_a_place_to_which_no_notice_can_go_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NoticesSettings.model_validate(wrong)


@pytest.mark.parametrize(
    "url", ["", "https://hooks.example.com/T0/B0?x=1", "http://127.0.0.1:9000/", "http://localhost/"]
)
def test_a_webhook_is_https_or_this_machine(url: str) -> None:
    assert NoticesSettings(webhook=url).webhook == url
