import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from afpd.config import Loaded, Settings, as_toml, effective, load_settings, settings_schema

Load = Callable[..., Loaded]


def test_what_is_printed_can_be_read_again_and_means_the_same(load: Load, tmp_path: Path) -> None:
    loaded = load(
        '[banks]\nfolders = ["/a\\"b", "/ñ\\u007f"]\n[import]\nevery = "1s"\n', AFPD_CLEANUP__KEEP_UNREAD="5d"
    )
    again = tmp_path / "again.toml"
    again.write_text(as_toml(loaded))
    assert load_settings(again, environ={}).settings == loaded.settings


def test_each_printed_value_tells_where_it_came_from(load: Load, tmp_path: Path) -> None:
    lines = as_toml(load('[import]\nevery = "1s"\n', AFPD_LOG__LEVEL="debug")).splitlines()
    assert [line.split() for line in lines if line.startswith(("every", "level"))][:1] == [
        ["every", "=", '"1s"', "#", f"{tmp_path}/afpd.toml:2"]
    ]
    assert any(line.startswith("level") and line.endswith("# AFPD_LOG__LEVEL") for line in lines)


def test_a_password_is_masked() -> None:
    settings = Settings.model_construct(timezone="https://user:hunter2@host/")
    assert "hunter2" not in str(effective(settings))


def test_the_schema_accepts_the_defaults_and_refuses_what_is_wrong() -> None:
    schema = settings_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(effective(Settings()))
    refused: list[Any] = [
        {"improt": {}},
        {"import": {"every": 5}},
        {"import": {"every": "5 m"}},
        {"log": {"level": "x"}},
    ]
    for wrong in refused:
        assert not validator.is_valid(wrong), wrong


def test_the_schema_explains_every_key_in_the_words_of_the_settings() -> None:
    section = settings_schema()["$defs"]["ImportSettings"]["properties"]["every"]
    assert (section["default"], section["description"]) == ("5m", "Time between two ticks.")


def test_printed_settings_are_valid_toml_with_the_fixed_names() -> None:
    printed = tomllib.loads(
        as_toml(Loaded(Settings(), dict.fromkeys(load_settings(environ={}).sources, "default"), None))
    )
    assert printed["gmail"]["api_url"] == "https://gmail.googleapis.com"
    assert printed["import"]["concurrency"] == 64
