"""The keys that afpd.toml may hold, taken from the settings themselves."""

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from afpd.config.settings import Settings

Key = tuple[str, ...]


def dotted(key: Key) -> str:
    """Write a key as in the documentation: import.every."""
    return ".".join(key)


@cache
def leaves() -> MappingProxyType[Key, FieldInfo]:
    """Return every key that holds a value, with what is known of it, in the order of the settings."""
    return MappingProxyType(_collect(Settings, ()))


@cache
def tables() -> frozenset[Key]:
    """Return every key that holds a table; the empty key is the file itself."""
    return frozenset(key[:length] for key in leaves() for length in range(len(key)))


def is_path(key: Key) -> bool:
    """Tell whether the value at this key is the path of a file or folder, or a list of such."""
    return holds(key, Path)


def is_list(key: Key) -> bool:
    """Tell whether the value at this key is a list."""
    return get_origin(leaves()[key].annotation) is tuple


def is_a(key: Key, kind: type) -> bool:
    """Tell whether the value at this key is of exactly this kind."""
    return leaves()[key].annotation is kind


def holds(key: Key, kind: type) -> bool:
    """Tell whether the value at this key may be of this kind."""
    return kind in _parts(leaves()[key].annotation)


def flatten(table: dict[str, Any], above: Key = ()) -> dict[Key, Any]:
    """Return the values of nested tables by key. A table that is not known stays whole, to be named once."""
    found: dict[Key, Any] = {}
    for name, value in table.items():
        key = (*above, name)
        if isinstance(value, dict) and key in tables():
            found |= flatten(value, key)
        else:
            found[key] = value
    return found


def nest(values: dict[Key, Any]) -> dict[str, Any]:
    """Return nested tables from values by key."""
    table: dict[str, Any] = {}
    for key, value in values.items():
        inner = table
        for name in key[:-1]:
            inner = inner.setdefault(name, {})
        inner[key[-1]] = value
    return table


def _parts(annotation: object) -> list[object]:
    return [annotation, *(part for inner in get_args(annotation) for part in _parts(inner))]


def _collect(model: type[BaseModel], above: Key) -> dict[Key, FieldInfo]:
    found: dict[Key, FieldInfo] = {}
    for name, field in model.model_fields.items():
        key = (*above, str(field.validation_alias or name))
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= _collect(field.annotation, key)
        else:
            found[key] = field
    return found
