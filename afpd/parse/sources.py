"""From bank files to checked banks: whole files, and extensions that add to a bank or replace parts of it.

Every part remembers the file and the line it comes from, so that a mistake is told where it stands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from afpd.banks import BankSource
from afpd.parse.bankfile import (
    BankFile,
    Currency,
    Domain,
    RefusalTable,
    SenderTable,
    TemplateTable,
    Zone,
)
from afpd.parse.lines import line_of
from afpd.parse.mistakes import Table, mistakes, tables_of

_KINDS = ("sender", "template", "refusal")
_OF_A_PART = 2
_File = TypeVar("_File", bound=Table)
Place = tuple[str | int, ...]


class BankChanges(Table):
    """What an extension changes of the bank itself; a key that is given takes the place of the former one."""

    name: str | None = None
    zone: Zone | None = None
    domains: Annotated[list[Domain], Field(min_length=1)] | None = None
    proof: Annotated[list[Literal["dmarc", "dkim", "spf"]], Field(min_length=1)] | None = None
    signs: dict[str, Currency] | None = None
    seen: date | None = None


class Extension(Table):
    """A file that adds senders, templates and refusals to a bank, or replaces those of the same address or name."""

    format: Literal[1]
    extends: Annotated[str, Field(pattern=r"^[a-z]{2}-[a-z0-9-]+$")]
    bank: BankChanges | None = None
    sender: list[SenderTable] = Field(default_factory=list)
    template: list[TemplateTable] = Field(default_factory=list)
    refusal: list[RefusalTable] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a part stands: its file, and its number there."""

    source: BankSource
    number: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A bank as its files make it, checked but not proved."""

    file: BankFile
    source: BankSource
    origins: dict[str, tuple[_Origin, ...]]

    def where(self, place: Place) -> str:
        """Return file and line of a place in the bank's tables, as mistakes begin."""
        kind, *rest = place
        source, there = self.source, place
        if rest and isinstance(rest[0], int) and kind in self.origins:
            origin = self.origins[str(kind)][rest[0]]
            source, there = origin.source, (kind, origin.number, *rest[1:])
        return f"{source.name}:{line_of(source.text, there)}"


def drafts(sources: Iterable[BankSource]) -> tuple[list[Draft], list[str]]:
    """Return the banks of these files, and everything that is wrong in them, a line for each mistake.

    Of two whole files with one code the later counts; extensions are laid over them in their order. What is sound in a
    file with mistakes is returned as well, so that it can be proved in the same go.
    """
    found: dict[str, Draft] = {}
    wrong: list[str] = []
    extensions: list[tuple[BankSource, dict[str, Any]]] = []
    for source in sources:
        tables, bad = tables_of(source.name, source.text)
        wrong += bad
        if bad:
            continue
        if "extends" in tables:
            extensions.append((source, tables))
            continue
        draft, problems = _drafted(source, tables)
        wrong += problems
        if draft is not None:
            found[draft.file.bank.code] = draft
    for source, tables in extensions:
        wrong += _extend(found, source, tables)
    return list(found.values()), wrong


def code_of(source: BankSource) -> str | None:
    """Return the code of the bank that a file is about, or None where it does not say it."""
    tables, _ = tables_of(source.name, source.text)
    bank = tables.get("bank")
    code = tables.get("extends") or (bank.get("code") if isinstance(bank, dict) else None)
    return code if isinstance(code, str) else None


def _drafted(source: BankSource, tables: dict[str, Any]) -> tuple[Draft | None, list[str]]:
    checked, numbers, wrong = _sound(BankFile, source, tables)
    if checked is None:
        return None, wrong
    origins = {kind: tuple(_Origin(source, number) for number in numbers[kind]) for kind in numbers}
    return Draft(checked, source, origins), wrong


def _extend(found: dict[str, Draft], source: BankSource, tables: dict[str, Any]) -> list[str]:
    """Lay an extension over its bank; returns what is wrong with it."""
    extension, numbers, wrong = _sound(Extension, source, tables)
    if extension is None:
        return wrong
    base = found.get(extension.extends)
    if base is None:
        line = line_of(source.text, ("extends",))
        return [*wrong, f"{source.name}:{line}: extends: no bank file has the code {extension.extends}"]
    own = {kind: [_Origin(source, number) for number in numbers[kind]] for kind in numbers}
    merged, origins = {}, dict(base.origins)
    for kind, key in (("sender", "address"), ("template", "name"), ("refusal", None)):
        parts, places = _laid(
            list(zip(getattr(base.file, kind), base.origins[kind], strict=True)),
            list(zip(getattr(extension, kind), own[kind], strict=True)),
            key,
        )
        merged[kind], origins[kind] = parts, tuple(places)
    changes = extension.bank.model_dump(exclude_none=True) if extension.bank else {}
    file = base.file.model_copy(update={"bank": base.file.bank.model_copy(update=changes), **merged})
    found[extension.extends] = replace(base, file=file, origins=origins)
    return wrong


def _laid(
    base: Sequence[tuple[Any, _Origin]], own: Sequence[tuple[Any, _Origin]], key: str | None
) -> tuple[list[Any], list[_Origin]]:
    """Put parts in the place of those with the same key, and new ones before all others."""
    if key is None:
        together = [*own, *base]
    else:
        by_key = {getattr(part, key): (part, origin) for part, origin in own}
        replaced = [by_key.pop(getattr(part, key), (part, origin)) for part, origin in base]
        together = [*by_key.values(), *replaced]
    return [part for part, _ in together], [origin for _, origin in together]


def _sound(
    model: type[_File], source: BankSource, tables: dict[str, Any]
) -> tuple[_File | None, dict[str, list[int]], list[str]]:
    """Return a file checked, without the parts that have mistakes; the numbers of the parts that stayed; the mistakes.

    None where the mistakes stand elsewhere, or nothing of a kind is left that a bank needs.
    """
    numbers = {kind: list(range(len(_parts(tables, kind)))) for kind in _KINDS}
    try:
        return model.model_validate(tables), numbers, []
    except ValidationError as error:
        told = list(mistakes(source.name, source.text, error))
    wrong = [words for _, words in told]
    bad = {place[:2] for place, _ in told}
    if not all(len(place) == _OF_A_PART and place[0] in _KINDS for place in bad):
        return None, numbers, wrong
    numbers = {kind: [one for one in numbers[kind] if (kind, one) not in bad] for kind in _KINDS}
    left = {kind: [_parts(tables, kind)[one] for one in numbers[kind]] for kind in _KINDS}
    try:
        return model.model_validate(tables | left), numbers, wrong
    except ValidationError:
        return None, numbers, wrong


def _parts(tables: dict[str, Any], kind: str) -> list[Any]:
    parts = tables.get(kind, [])
    return parts if isinstance(parts, list) else []
