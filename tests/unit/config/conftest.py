from collections.abc import Callable
from pathlib import Path

import pytest

from afpd.config import Loaded, load_settings
from afpd.errors import ConfigError

Load = Callable[..., Loaded]
Problems = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write the text as afpd.toml into a folder of its own, and load it from there with just this environment."""

    def loaded(text: str = "", **environ: str) -> Loaded:
        (tmp_path / "afpd.toml").write_text(text)
        return load_settings(environ=environ, cwd=tmp_path)

    return loaded


@pytest.fixture
def problems(load: Load, tmp_path: Path) -> Problems:
    """Load a configuration that is wrong, and return its problems, without the name of the temporary folder."""

    def told(text: str = "", **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, **environ)
        assert caught.value.exit_code == 78
        lines = str(caught.value).replace(f"{tmp_path}/", "").split("\n  ")
        return lines[1:] if len(lines) > 1 else lines

    return told
