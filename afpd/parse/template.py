"""A template: which mails it is for, what it finds in them and what that means. Built from a checked bank file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from afpd.errors import BadValue
from afpd.model import Transaction
from afpd.parse.bankfile import KNOWN_FIELDS, BankFile, FieldTable, TemplateTable
from afpd.parse.columns import Columns
from afpd.parse.extraction import Extraction, FieldRule, Raw
from afpd.parse.fold import fold_word
from afpd.parse.labels import Hit, Labels
from afpd.parse.search import Pattern
from afpd.parse.text import Text
from afpd.parse.transactions import Case, Meaning, Surroundings
from afpd.parse.values import amount, money

_MARKS = " .,:;"
_OTHER = "not for this mail"


@dataclass(frozen=True, slots=True)
class Condition:
    """A pattern that must, or must not, stand in the subject or the body; `unmet` says in words that it is not so."""

    pattern: str
    place: str
    wanted: bool
    unmet: str


@dataclass(frozen=True, slots=True)
class Template:
    """One layout of one bank. `gives_nothing` marks the known mails that move no money."""

    bank: str
    name: str
    version: int
    gives_nothing: bool
    has_unique_reference: bool
    conditions: tuple[Condition, ...]
    extraction: Extraction
    meaning: Meaning

    def read(self, text: Text, around: Surroundings) -> tuple[Transaction, ...]:
        """Return the transactions of a text whose conditions fit.

        Raises `Mismatch` when the layout is another one after all, `BadValue` when a value is not what it must be.
        """
        if self.gives_nothing:
            return ()
        if text.cut:
            raise BadValue("text: it is too long to be read whole")
        hits = self.extraction.labels.hits(text)
        raws = self.extraction.raws(text, hits)
        self._refuse_two_amounts(raws, text, hits)
        _refuse_a_broken_end(raws, text)
        return tuple(self.meaning.transaction(raw, text, around) for raw in raws)

    def _refuse_two_amounts(self, raws: list[Raw], text: Text, hits: list[Hit]) -> None:
        """The label of the amount with two different values behind it is a guess, whichever is taken."""
        if len(raws) != 1:
            return
        written = set(self.extraction.ambiguous("amount", text, hits))
        if len(written) < 2:
            return
        found = {value for value in map(self._value_of, written) if value}
        if len(found) > 1:
            raise BadValue("amount: the mail gives two")

    def _value_of(self, written: str) -> object:
        try:
            number, currency = money(written, self.meaning.numbers, self.meaning.signs)
            return amount(number, currency or self.meaning.currency or "USD", self.meaning.numbers), currency
        except BadValue:
            return None


def _refuse_a_broken_end(raws: list[Raw], text: Text) -> None:
    """A value that stands at the end of a text that breaks off may be half a value."""
    if not text.breaks_off:
        return
    for raw in raws:
        for name in KNOWN_FIELDS:
            value = (raw.get(name) or "").rstrip(_MARKS)
            if value and text.flow.rstrip(_MARKS).endswith(value):
                raise BadValue(f"{name}: the mail breaks off within it")


def build_templates(file: BankFile) -> tuple[Template, ...]:
    """Return the templates of a bank file in their order."""
    every_label = frozenset(label for table in file.template for label in _labels(table))
    return tuple(_built(file, table, every_label) for table in file.template)


def _built(file: BankFile, table: TemplateTable, every_label: frozenset[str]) -> Template:
    return Template(
        bank=file.bank.code,
        name=table.name,
        version=table.version,
        gives_nothing=table.gives == "nothing",
        has_unique_reference=table.unique_reference,
        conditions=tuple(_conditions(table)),
        extraction=_extraction(table),
        meaning=_meaning(file, table, every_label),
    )


def _conditions(table: TemplateTable) -> Iterator[Condition]:
    for pattern in table.subject:
        yield Condition(pattern, "subject", wanted=True, unmet=f"{_OTHER}: its subject lacks '{pattern}' (of subject)")
    for pattern in table.must:
        yield Condition(pattern, "body", wanted=True, unmet=f"{_OTHER}: its text lacks '{pattern}' (of must)")
    for pattern in table.must_not:
        yield Condition(pattern, "body", wanted=False, unmet=f"{_OTHER}: its text holds '{pattern}' (of must_not)")


def _labels(table: TemplateTable) -> Iterator[str]:
    for field in table.fields.values():
        yield from field.labels
    yield from table.stops
    if table.columns:
        yield from table.columns.others
        for names in table.columns.fields.values():
            yield from names


def _extraction(table: TemplateTable) -> Extraction:
    columns = table.columns
    in_lines = {label for field in table.fields.values() for label in field.labels} | set(table.stops)
    return Extraction(
        labels=Labels(in_lines, table.colons),
        fields={name: _field(field) for name, field in table.fields.items()},
        sentence=tuple(map(Pattern, table.sentence)),
        each=_compiled(table.each),
        count=_compiled(table.count),
        columns=None
        if columns is None
        else Columns(
            {name: tuple(words) for name, words in columns.fields.items()},
            frozenset(columns.others),
            Pattern(columns.row),
            columns.stacked,
        ),
        underscores=tuple(table.underscores),
        nothing=_compiled(table.nothing),
    )


def _field(table: FieldTable) -> FieldRule:
    return FieldRule(
        labels=tuple(table.labels),
        pattern=_compiled(table.pattern),
        after=_compiled(table.after),
        take=_compiled(table.take),
        below=_compiled(table.below),
        pattern_first=table.pattern_first,
    )


def _meaning(file: BankFile, table: TemplateTable, every_label: frozenset[str]) -> Meaning:
    dated = frozenset({"date"}) if table.dates and not table.undated else frozenset()
    copy = table.payer_copy
    return Meaning(
        numbers=table.numbers,
        orders=tuple(table.dates),
        undated=table.undated,
        maybe_utc=table.maybe_utc,
        zone=ZoneInfo(file.bank.zone),
        currency=table.currency,
        signs=_folded(file.bank.signs),
        kind=table.kind,
        direction=table.direction,
        status=table.status,
        required=frozenset(table.required) | {"amount"} | dated,
        cases=tuple(
            Case(case.field, Pattern(case.matches), case.kind, case.direction, case.status) for case in table.case
        ),
        merchant_else=tuple(table.merchant_else),
        payer_copy=(copy.payer, copy.reader) if copy else None,
        spaced=frozenset(table.spaced),
        labels=every_label,
    )


def _compiled(source: str | None) -> Pattern | None:
    return None if source is None else Pattern(source)


def _folded(signs: Mapping[str, str]) -> dict[str, str]:
    return {fold_word(sign): code for sign, code in signs.items()}
