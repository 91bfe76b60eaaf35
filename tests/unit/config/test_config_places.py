from pathlib import Path

import pytest

from afpd.config import Settings, load_settings
from afpd.config.places import find_file
from afpd.errors import ConfigError


def _file(path: Path, chunk: int) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(f"[parsing]\nchunk = {chunk}\n")
    return path


def test_the_file_of_the_command_line_comes_before_all_others(tmp_path: Path) -> None:
    named, variable = _file(tmp_path / "a.toml", 1), _file(tmp_path / "b.toml", 2)
    _file(tmp_path / "afpd.toml", 3)
    loaded = load_settings(named, environ={"AFPD_CONFIG": str(variable)}, cwd=tmp_path)
    assert (loaded.settings.parsing.chunk, loaded.path) == (1, named)


def test_afpd_config_comes_before_the_file_beside(tmp_path: Path) -> None:
    _file(tmp_path / "b.toml", 2)
    _file(tmp_path / "afpd.toml", 3)
    loaded = load_settings(environ={"AFPD_CONFIG": "b.toml"}, cwd=tmp_path)
    assert (loaded.settings.parsing.chunk, loaded.path) == (2, tmp_path / "b.toml")


def test_the_file_in_the_working_directory_is_found(tmp_path: Path) -> None:
    _file(tmp_path / "afpd.toml", 3)
    assert load_settings(environ={}, cwd=tmp_path).settings.parsing.chunk == 3


def test_without_any_file_the_defaults_and_the_environment_hold(tmp_path: Path) -> None:
    assert find_file(None, {}, tmp_path) in (None, Path("/etc/afpd/afpd.toml"))
    loaded = load_settings(environ={"AFPD_PARSING__CHUNK": "9"}, cwd=tmp_path)
    assert loaded.settings.parsing.chunk == 9
    assert loaded.settings.imports == Settings().imports


@pytest.mark.parametrize("name", ["missing.toml", "folder", "afpd.toml/inside"])
def test_a_named_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    _file(tmp_path / "afpd.toml", 3)
    for path, environ in ((tmp_path / name, {}), (None, {"AFPD_CONFIG": name})):
        with pytest.raises(ConfigError, match=f"{name}: cannot be read .* --config FILE"):
            load_settings(path, environ=environ, cwd=tmp_path)


def test_a_file_beside_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "afpd.toml").symlink_to("afpd.toml")
    with pytest.raises(ConfigError, match=r"afpd\.toml: cannot be read"):
        load_settings(environ={}, cwd=tmp_path)


def test_drop_ins_are_laid_over_the_file_in_the_order_of_their_names(tmp_path: Path) -> None:
    _file(tmp_path / "afpd.toml", 1)
    last = _file(tmp_path / "afpd.toml.d/20-last.toml", 20)
    _file(tmp_path / "afpd.toml.d/10-first.toml", 10)
    _file(tmp_path / "afpd.toml.d/30-note.txt", 30)
    loaded = load_settings(environ={}, cwd=tmp_path)
    assert loaded.settings.parsing.chunk == 20
    assert loaded.sources["parsing.chunk"] == f"{last}:2"


def test_a_drop_in_changes_only_the_keys_that_it_holds(tmp_path: Path) -> None:
    _file(tmp_path / "afpd.toml", 7)
    (tmp_path / "afpd.toml.d").mkdir()
    (tmp_path / "afpd.toml.d/one.toml").write_text("[parsing]\ntrigger_pending = 3\n")
    parsing = load_settings(environ={}, cwd=tmp_path).settings.parsing
    assert (parsing.chunk, parsing.trigger_pending) == (7, 3)


def test_a_drop_in_folder_that_is_none_is_told(tmp_path: Path) -> None:
    _file(tmp_path / "afpd.toml", 1)
    (tmp_path / "afpd.toml.d").write_text("")
    with pytest.raises(ConfigError, match=r"afpd\.toml\.d: cannot be listed"):
        load_settings(environ={}, cwd=tmp_path)


def test_a_file_in_the_working_directory_is_named_as_people_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _file(tmp_path / "afpd.toml", 1)
    assert load_settings(environ={}).sources["parsing.chunk"] == "afpd.toml:2"
