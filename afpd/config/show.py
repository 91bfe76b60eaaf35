"""The configuration as it works, to be looked at."""

import json
from itertools import groupby
from typing import Any

from afpd.config.address import masked
from afpd.config.leaves import Key, dotted, flatten
from afpd.config.load import Loaded
from afpd.config.settings import Settings


def effective(settings: Settings) -> dict[str, Any]:
    """Return every setting in the tables, names and units of afpd.toml; passwords are masked."""
    return {name: _without_passwords(value) for name, value in settings.model_dump(mode="json", by_alias=True).items()}


def as_toml(loaded: Loaded) -> str:
    """Return every setting as TOML, each with where it came from; passwords are masked."""
    lines: list[str] = []
    for table, entries in groupby(flatten(effective(loaded.settings)).items(), key=lambda entry: entry[0][:-1]):
        lines += ["", f"[{dotted(table)}]"] if table else []
        lines += [_line(key, value, loaded.sources[dotted(key)]) for key, value in entries]
    return "\n".join([*lines, ""])


def _line(key: Key, value: Any, source: str) -> str:
    # JSON is TOML for text, whole numbers, true and false and lists of them, but for DEL.
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return f"{f'{key[-1]} = {text}':<48} # {source}"


def _without_passwords(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_passwords(inner) for name, inner in value.items()}
        case list():
            return [_without_passwords(inner) for inner in value]
        case str():
            return masked(value)
    return value
