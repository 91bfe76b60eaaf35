"""What is wrong with a configuration, in words that say what to do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from afpd.config.leaves import Key, dotted, leaves, tables
from afpd.errors import ConfigError

_EVERY_KEY = "docs/configuration.md for those that exist"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend, and where it stands."""

    source: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.source}: {self.sentence}"


def as_error(problems: Iterable[object]) -> ConfigError:
    """Return one error that lists every problem on a line of its own."""
    lines = list(dict.fromkeys(map(str, problems)))
    if len(lines) == 1:
        return ConfigError(lines[0])
    return ConfigError("\n  ".join([f"{len(lines)} problems in the configuration:", *lines]))


def unknown(key: Key, written: Callable[[Key], str] = dotted) -> str:
    """Say that a key is not known, and which one was probably meant; `written` writes a key as the reader would."""
    meant = next(filter(None, (guess(key) for guess in (_misjoined, _misspelt, _misplaced, _alike))), [])
    advice = f"did you mean {' or '.join(map(written, meant))}?" if meant else f"remove it, or see {_EVERY_KEY}"
    return f"{dotted(key)}: unknown key; {advice}"


def _known() -> list[Key]:
    return [*leaves(), *(table for table in tables() if table)]


def _misjoined(key: Key) -> list[Key]:
    return [other for other in leaves() if "_".join(other) == "_".join(key)]


def _misspelt(key: Key) -> list[Key]:
    siblings = {other[-1]: other for other in _known() if other[:-1] == key[:-1]}
    return [siblings[name] for name in get_close_matches(key[-1], siblings, n=1)]


def _misplaced(key: Key) -> list[Key]:
    return [other for other in leaves() if other[-1] == key[-1]]


def _alike(key: Key) -> list[Key]:
    names = {dotted(other): other for other in _known()}
    return [names[name] for name in get_close_matches(dotted(key), names, n=1)]
