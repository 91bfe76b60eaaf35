"""The daemon does not start when mailboxes are opened in a way for which the key is missing."""

from pathlib import Path

import pytest

from afpd.config import Keys, OAuthClient, ServiceAccount, Settings
from afpd.daemon.askers import require
from afpd.errors import SecretError

CLIENT, ACCOUNT = OAuthClient("id", "s3cret"), ServiceAccount("robot@p.example", "s3cret")


def settings(folder: Path) -> Settings:
    return Settings.model_validate({"gmail": {"client_file": folder / "client_secret.json"}})


@pytest.mark.parametrize(
    ("keys", "used"),
    [(Keys(None, ACCOUNT), {"oauth"}), (Keys(CLIENT, None), {"oauth", "service_account"})],
)
def test_a_missing_key_is_exit_code_77(tmp_path: Path, keys: Keys, used: set[str]) -> None:
    with pytest.raises(SecretError) as caught:
        require(keys, used, settings(tmp_path))
    assert caught.value.exit_code == 77


@pytest.mark.parametrize(
    ("keys", "used"),
    [(Keys(None, ACCOUNT), {"service_account"}), (Keys(CLIENT, None), {"oauth"}), (Keys(CLIENT, None), set())],
)
def test_what_nobody_needs_may_be_missing(tmp_path: Path, keys: Keys, used: set[str]) -> None:
    require(keys, used, settings(tmp_path))
