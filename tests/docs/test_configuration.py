"""The example and the documentation hold every setting, with its default and in its words."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from afpd.config import Settings, load_settings
from afpd.config.leaves import Key, dotted, flatten, leaves
from afpd.config.secretfiles import CLIENT_CREDENTIAL, KEY_CREDENTIAL, STATUS_CREDENTIAL
from afpd.config.service_account import ACCOUNT_CREDENTIAL

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "afpd.toml"
DOCS = (ROOT / "docs" / "configuration.md").read_text()
# Fixed for those who write scripts and dashboards against them.
CONTRACT = """
timezone = "local"
[database]
url = "sqlite:////var/lib/afpd/afpd.db"
[secrets]
key_file = ""
[import]
every = "5m"
concurrency = 64
first_import = "30d"
adaptive = true
[parsing]
every = "10m"
trigger_pending = 10
[cleanup]
every = "24h"
keep_jobs = "30d"
keep_bodies = "30d"
[gmail]
api_url = "https://gmail.googleapis.com"
token_url = "https://oauth2.googleapis.com/token"
auth_url = "https://accounts.google.com/o/oauth2/v2/auth"
client_file = "/etc/afpd/client_secret.json"
rate_pause = "60s"
retry_base = "500ms"
visit_deadline = "60s"
confirm_revoked_after = "5m"
[status]
host = "127.0.0.1"
port = 8800
[banks]
folders = []
[log]
level = "info"
format = "auto"
"""


def _words(text: str) -> str:
    return " ".join(text.split())


def _description(key: Key) -> str:
    return _words(leaves()[key].description or "")


def test_the_example_means_the_defaults() -> None:
    assert load_settings(EXAMPLE, environ={}).settings == Settings()


def test_the_example_holds_every_key_in_the_order_of_the_settings() -> None:
    assert list(flatten(tomllib.loads(EXAMPLE.read_text()))) == list(leaves())


def test_the_example_writes_the_fixed_names_and_values_as_they_were_agreed() -> None:
    example = flatten(tomllib.loads(EXAMPLE.read_text()))
    agreed = flatten(tomllib.loads(CONTRACT))
    assert {key: example.get(key) for key in agreed} == agreed


def test_the_fixed_names_alone_mean_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "afpd.toml").write_text(CONTRACT)
    assert load_settings(environ={}, cwd=tmp_path).settings == Settings()


@pytest.mark.parametrize("key", list(leaves()), ids=dotted)
def test_the_example_explains_the_key_in_the_words_of_the_settings(key: Key) -> None:
    source = load_settings(EXAMPLE, environ={}).sources[dotted(key)]
    number = int(source.rpartition(":")[2])
    lines = EXAMPLE.read_text().splitlines()[:number]
    above = lines[:-1]
    remarks = [lines[-1].partition(" # ")[2]]
    while above and above[-1].startswith("# "):
        remarks.insert(0, above.pop().removeprefix("# "))
    assert _words(" ".join(remarks)) == _description(key)


@pytest.mark.parametrize("key", list(leaves()), ids=dotted)
def test_the_documentation_has_a_row_for_the_key(key: Key) -> None:
    default = json.dumps(flatten(tomllib.loads(EXAMPLE.read_text()))[key])
    assert f"| `{dotted(key)}` | `{default}` | {_description(key)} |\n" in DOCS


def test_the_documentation_tells_of_no_key_that_does_not_exist() -> None:
    assert set(re.findall(r"^\| `([a-z_.]+)` \| `[^`]+` \| [^|]+ \|$", DOCS, re.MULTILINE)) == set(
        map(dotted, leaves())
    )


def test_the_documentation_names_every_credential() -> None:
    for name in (KEY_CREDENTIAL, CLIENT_CREDENTIAL, ACCOUNT_CREDENTIAL, STATUS_CREDENTIAL):
        assert f"| `{name}` |" in DOCS
