"""Settings from the environment: AFPD_IMPORT__EVERY=1m."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from afpd.config.document import Entry
from afpd.config.leaves import Key, holds, is_a, is_list, leaves
from afpd.config.places import VARIABLE

_PREFIX = "AFPD_"
_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


def read_environment(environ: Mapping[str, str], folder: Path) -> list[Entry]:
    """Return a value for each AFPD_… variable, also for those that name no setting; relative paths are of `folder`."""
    return [
        Entry(key := _key(name), _typed(key, text), name, folder)
        for name, text in sorted(environ.items())
        if name.startswith(_PREFIX) and name != VARIABLE
    ]


def variable(key: Key) -> str:
    """Return the name of the environment variable that sets this key."""
    return _PREFIX + "__".join(key).upper()


def _key(name: str) -> Key:
    return tuple(name.removeprefix(_PREFIX).lower().split("__"))


def _typed(key: Key, text: str) -> Any:
    """Turn text into what TOML would have given; what does not fit stays text, to be refused with the others."""
    if key not in leaves():
        return text
    if is_list(key):
        return [part.strip() for part in text.split(",") if part.strip()]
    if is_a(key, bool):
        return _SWITCHES.get(text.lower(), text)
    if holds(key, int) and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    return text
