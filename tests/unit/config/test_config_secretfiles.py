import json
from pathlib import Path

import pytest

from afpd.config import OAuthClient, Settings, key_place, parse_client, read_client, read_status_token
from afpd.errors import ConfigError, SecretError

CLIENT = {"client_id": "7-x.apps.googleusercontent.com", "client_secret": "GOCSPX-hidden", "token_uri": "https://t/"}


def _settings(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder}/afpd.db"},
            "gmail": {"client_file": f"{folder}/client.json"},
            "status": {"token_file": f"{folder}/token"},
        }
    )


def _secret(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("kind", ["installed", "web"])
def test_the_oauth_client_is_read_as_the_console_gives_it(tmp_path: Path, kind: str) -> None:
    _secret(tmp_path / "client.json", json.dumps({kind: {**CLIENT, "redirect_uris": ["http://localhost"]}}))
    client = read_client(_settings(tmp_path), environ={})
    assert client == OAuthClient(
        CLIENT["client_id"], CLIENT["client_secret"], kind, "https://t/", ("http://localhost",)
    )


def test_the_oauth_client_never_shows_its_secret() -> None:
    client = parse_client(json.dumps({"installed": CLIENT}).encode(), "x")
    assert "hidden" not in f"{client!r} {client}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no OAuth client"),
        ("{}", 'holds neither "installed" nor "web"'),
        ('{"installed": []}', 'holds neither "installed" nor "web"'),
        ('{"type": "service_account", "private_key": "hidden"}', "is a service account"),
        ('{"installed": {"client_secret": "hidden"}}', '"installed" has no "client_id"'),
        ('{"web": {"client_id": "7", "client_secret": ""}}', '"web" has no "client_secret"'),
        ('{"web": {"client_id": 7, "client_secret": "hidden"}}', '"web" has no "client_id"'),
    ],
)
def test_a_file_that_is_no_oauth_client_is_told_without_its_content(content: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        parse_client(content.encode(), "/etc/client.json")
    assert "hidden" not in str(caught.value)
    assert str(caught.value).startswith("/etc/client.json: ")


def test_an_oauth_client_that_others_can_read_is_refused(tmp_path: Path) -> None:
    _secret(tmp_path / "client.json", json.dumps({"installed": CLIENT}), 0o644)
    with pytest.raises(SecretError, match=r"the OAuth client of Google can be read by others; type: chmod 600 /"):
        read_client(_settings(tmp_path), environ={})


def test_a_systemd_credential_serves_where_the_file_is_not(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    _secret(credentials / "client_secret.json", json.dumps({"web": CLIENT}), 0o440)
    _secret(credentials / "afpd.key", "k", 0o440)
    _secret(credentials / "status_token", "t0ken\n", 0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    settings = _settings(tmp_path)
    assert read_client(settings, environ=environ).kind == "web"
    assert key_place(settings, environ=environ) == credentials / "afpd.key"
    assert read_status_token(settings, environ=environ) == "t0ken"


def test_the_file_of_the_setting_comes_before_the_credential(tmp_path: Path) -> None:
    own = _secret(tmp_path / "afpd.key", "mine")
    _secret(tmp_path / "credentials/afpd.key", "other")
    assert key_place(_settings(tmp_path), environ={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}) == own


def test_the_credential_serves_where_the_file_is_closed_to_the_service(tmp_path: Path) -> None:
    (tmp_path / "afpd.key").symlink_to("afpd.key")
    handed_over = _secret(tmp_path / "credentials/afpd.key", "k")
    assert key_place(_settings(tmp_path), environ={"CREDENTIALS_DIRECTORY": str(handed_over.parent)}) == handed_over


def test_without_file_and_credential_the_place_is_that_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert key_place(_settings(tmp_path), environ=environ) == tmp_path / "afpd.key"
    with pytest.raises(SecretError, match=r"client\.json: the OAuth client of Google does not exist"):
        read_client(_settings(tmp_path), environ=environ)


def test_no_token_is_asked_for_where_none_is_set() -> None:
    assert read_status_token(Settings(), environ={}) is None
