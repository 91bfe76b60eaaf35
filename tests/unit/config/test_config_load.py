from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from afpd.config import Authentication, Loaded, Settings
from afpd.config.sections import ImportSettings

Load = Callable[..., Loaded]


def test_a_value_of_each_kind_is_read(load: Load, tmp_path: Path) -> None:
    settings = load(
        'timezone = "America/Costa_Rica"\n[import]\nevery = "1s"\nconcurrency = 3\n'
        'adaptive = false\nmax_mail = "1MiB"\n'
        '[banks]\nfolders = ["mine", "/theirs"]\nauthentication = "warn"\n[gmail.units]\nhistory = 4\n'
    ).settings
    assert settings.imports.every == timedelta(seconds=1)
    assert (settings.imports.concurrency, settings.imports.adaptive, settings.imports.max_mail) == (3, False, 1 << 20)
    assert settings.banks.folders == (tmp_path / "mine", Path("/theirs"))
    assert settings.banks.authentication is Authentication.WARN
    assert settings.gmail.units.history == 4
    assert settings.zone.utcoffset(datetime(2026, 1, 1, tzinfo=UTC)) == timedelta(hours=-6)


def test_the_environment_comes_last_and_is_read_by_the_kind_of_its_setting(load: Load, tmp_path: Path) -> None:
    loaded = load(
        '[import]\nevery = "9m"\n',
        AFPD_IMPORT__EVERY="1m",
        AFPD_IMPORT__ADAPTIVE="false",
        AFPD_IMPORT__CONCURRENCY="5",
        AFPD_IMPORT__MAX_MAIL="2MiB",
        AFPD_BANKS__FOLDERS="one, /two",
        AFPD_TIMEZONE="UTC",
        AFPD_DAEMON__NODE="17",
        AFPD_GMAIL__UNITS__MESSAGES_GET="5",
        HOME="/root",
    )
    imports = loaded.settings.imports
    assert (imports.every, imports.adaptive, imports.concurrency) == (timedelta(minutes=1), False, 5)
    assert imports.max_mail == 2 << 20
    assert loaded.settings.banks.folders == (tmp_path / "one", Path("/two"))
    assert (loaded.settings.timezone, loaded.settings.daemon.node) == ("UTC", "17")
    assert loaded.settings.gmail.units.messages_get == 5


def test_every_key_tells_where_its_value_came_from(load: Load, tmp_path: Path) -> None:
    banks = '[banks]\nfolders = [\n  "a",\n]\nauthentication = "off"\n'
    text = f'# a remark\ntimezone = "UTC"\n\n{banks}[gmail]\nunits = {{history = 3}}\n'
    sources = load(text, AFPD_LOG__LEVEL="debug").sources
    assert sources["timezone"] == f"{tmp_path}/afpd.toml:2"
    assert sources["banks.folders"] == f"{tmp_path}/afpd.toml:5"
    assert sources["banks.authentication"] == f"{tmp_path}/afpd.toml:8"
    assert sources["gmail.units.history"] == f"{tmp_path}/afpd.toml:10"
    assert sources["log.level"] == "AFPD_LOG__LEVEL"
    assert sources["import.every"] == "default"


def test_relative_paths_begin_at_the_folder_of_their_file(load: Load, tmp_path: Path) -> None:
    drop_ins = tmp_path / "afpd.toml.d"
    drop_ins.mkdir()
    (drop_ins / "a.toml").write_text('[gmail]\nclient_file = "client.json"\n')
    settings = load('[database]\nurl = "sqlite:///data/afpd.db"\n[secrets]\nkey_file = "keys/k"\n').settings
    assert settings.database.sqlite_path == tmp_path / "data/afpd.db"
    assert settings.key_path == tmp_path / "keys/k"
    assert settings.gmail.client_file == drop_ins / "client.json"


def test_the_key_lies_beside_the_database_where_none_is_named(load: Load) -> None:
    assert load('[database]\nurl = "sqlite:////srv/a/b.db"\n').settings.key_path == Path("/srv/a/afpd.key")


def test_empty_text_means_not_given(load: Load) -> None:
    settings = load('[cleanup]\nkeep_unread = ""\n[status]\ntoken_file = ""\n[daemon]\nnode = ""\n').settings
    assert settings.cleanup.keep_unread is None
    assert settings.status.token_file is None
    assert settings.daemon.node_name


def test_unread_mails_can_be_given_an_age(load: Load) -> None:
    assert load('[cleanup]\nkeep_unread = "90d"\n').settings.cleanup.keep_unread == timedelta(days=90)


def test_very_short_durations_are_fine_for_tests(load: Load) -> None:
    settings = load(
        '[import]\nevery = "50ms"\nbackoff_base = "10ms"\nlease = "2s"\n'
        '[gmail]\nvisit_deadline = "1s"\nrate_pause = "10ms"\nretry_base = "1ms"\nconfirm_revoked_after = "0s"\n'
    ).settings
    assert settings.gmail.confirm_revoked_after == timedelta()


def test_a_listener_beyond_this_machine_is_fine_with_a_token(load: Load) -> None:
    assert load('[status]\nhost = "0.0.0.0"\ntoken_file = "t"\n').settings.status.host == "0.0.0.0"


def test_windows_line_ends_are_fine(load: Load, tmp_path: Path) -> None:
    assert load("[parsing]\r\nchunk = 3\r\n").sources["parsing.chunk"] == f"{tmp_path}/afpd.toml:2"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().imports.concurrency = 1


def test_a_section_can_be_built_in_code_by_the_names_of_python() -> None:
    assert Settings(imports=ImportSettings(every=timedelta(seconds=2), max_mail=5000)).imports.max_mail == 5000
