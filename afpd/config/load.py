"""From files and environment to settings: everything is laid over each other, then everything wrong is told at once."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from afpd.config.address import with_folder
from afpd.config.document import Entry, read_document
from afpd.config.environment import read_environment, variable
from afpd.config.leaves import Key, dotted, is_path, leaves, nest, tables
from afpd.config.places import drop_ins, find_file
from afpd.config.problems import Problem, as_error, unknown
from afpd.config.rules import contradictions
from afpd.config.settings import Settings
from afpd.config.words import wrong_value
from afpd.errors import ConfigError

DEFAULT = "default"
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that was read.

    `sources` tells for every key ("import.every") where its value came from: "default", "afpd.toml:12" or
    "AFPD_IMPORT__EVERY". `path` is the file, None where there was none.
    """

    settings: Settings
    sources: Mapping[str, str]
    path: Path | None


def load_settings(
    path: Path | None = None, *, environ: Mapping[str, str] = os.environ, cwd: Path | None = None
) -> Loaded:
    """Read the configuration: defaults, the file, its drop-ins, the environment; the last wins.

    `path` is the file of --config. Raises `ConfigError`, whose text lists every problem on a line of its own.
    """
    folder = (cwd or Path.cwd()).absolute()
    file = find_file(path, environ, folder)
    entries, problems = _read_files(file)
    entries += read_environment(environ, folder)
    chosen, misplaced = _lay_over(entries)
    settings, wrong = _validate(chosen)
    problems += [*misplaced, *wrong]
    if settings is None or problems:
        raise as_error(problems)
    sources = {dotted(key): chosen[key].source if key in chosen else DEFAULT for key in leaves()}
    return Loaded(settings, sources, file)


def _read_files(file: Path | None) -> tuple[list[Entry], list[object]]:
    problems: list[object] = []

    def attempt(read: Callable[[Path], list[Found]], path: Path) -> list[Found]:
        try:
            return read(path)
        except ConfigError as error:
            problems.append(error)
            return []

    paths = [file, *attempt(drop_ins, file)] if file else []
    return [entry for path in paths for entry in attempt(read_document, path)], problems


def _lay_over(entries: Iterable[Entry]) -> tuple[dict[Key, Entry], list[Problem]]:
    chosen: dict[Key, Entry] = {}
    problems: list[Problem] = []
    for entry in entries:
        if entry.key in leaves():
            chosen[entry.key] = replace(entry, value=_absolute(entry))
        elif entry.key in tables():
            problems.append(Problem(entry.source, f"{dotted(entry.key)}: must be a table: [{dotted(entry.key)}]"))
        else:
            problems.append(
                Problem(entry.source, unknown(entry.key, variable if entry.source == variable(entry.key) else dotted))
            )
    return chosen, problems


def _absolute(entry: Entry) -> Any:
    """Make relative paths absolute from the folder of the file that holds them."""
    match entry.value:
        case str(text) if text and entry.key == ("database", "url"):
            return with_folder(text, entry.folder)
        case str(text) if text and is_path(entry.key):
            return str(entry.folder / text)
        case [*paths] if is_path(entry.key):
            return [str(entry.folder / path) if isinstance(path, str) and path else path for path in paths]
    return entry.value


def _validate(chosen: Mapping[Key, Entry]) -> tuple[Settings | None, list[Problem]]:
    problems: list[Problem] = []
    sound = {key: entry.value for key, entry in chosen.items()}
    try:
        settings = Settings.model_validate(nest(sound))
    except ValidationError as error:
        for key, sentence in map(wrong_value, error.errors(include_url=False)):
            problems.append(Problem(chosen[key].source, sentence))
            sound.pop(key, None)
        # Once more without them, so that what the others contradict is told in the same go.
        settings = Settings.model_validate(nest(sound))
    for found in contradictions(settings):
        named = [key for key in found.keys if key in chosen]
        if named and all(key in sound or key not in chosen for key in found.keys):
            problems.append(Problem(chosen[named[0]].source, found.sentence))
    return settings, problems
