"""Sentences for what pydantic found."""

from difflib import get_close_matches
from enum import StrEnum
from typing import Any
from zoneinfo import available_timezones

from pydantic_core import ErrorDetails

from afpd.config.address import masked
from afpd.config.leaves import Key, dotted, leaves


def wrong_value(error: ErrorDetails) -> tuple[Key, str]:
    """Return the key whose value pydantic refused, and a sentence that says what it must be instead."""
    path = error["loc"]
    key: Key = next(key for key in leaves() if key == tuple(map(str, path[: len(key)])))
    return key, f"{dotted(key)} = {_shown(error['input'])}: {_expected(error)}{_hint(key, error['input'])}"


def _expected(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "int_type":
            return "must be a whole number"
        case "bool_type":
            return "must be true or false"
        case "string_type" | "path_type":
            return "must be text in quotes"
        case "tuple_type":
            return "must be a list"
        case "enum":
            return f"must be one of {context['expected']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case _:
            return error["msg"][:1].lower() + error["msg"][1:]


def _hint(key: Key, value: Any) -> str:
    close = get_close_matches(value, _choices(key), n=1, cutoff=0.5) if isinstance(value, str) else []
    return f' (did you mean "{close[0]}"?)' if close else ""


def _choices(key: Key) -> list[str]:
    if key == ("timezone",):
        return sorted(available_timezones())
    kind = leaves()[key].annotation
    return [choice.value for choice in kind] if isinstance(kind, type) and issubclass(kind, StrEnum) else []


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{masked(value)}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
