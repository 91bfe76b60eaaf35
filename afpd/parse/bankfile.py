"""The shape of a bank file (docs/adding-a-bank.md), checked as a whole: every mistake is told, with its line."""

# ruff: noqa: RUF012 - pydantic copies the defaults of its models

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import re2
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from afpd.errors import TemplateError
from afpd.model import Direction, Kind, Status
from afpd.parse.currencies import MINOR_UNITS
from afpd.parse.dates import DateOrder
from afpd.parse.fold import fold
from afpd.parse.mistakes import Table, mistakes, tables_of
from afpd.parse.patterns import checked_pattern
from afpd.parse.search import quiet
from afpd.parse.values import NumberStyle

KNOWN_FIELDS = ("amount", "currency", "date", "posted", "time", "merchant", "account", "reference", "authorization")


def _label(words: str) -> str:
    folded = " ".join(fold(words).split()).strip(" :")
    if not folded:
        raise ValueError("a label has at least one letter")
    return folded


def _currency(code: str) -> str:
    if code not in MINOR_UNITS:
        raise ValueError(f"{code!r} is no currency of ISO 4217")
    return code


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone") from None
    return name


def _address(text: str) -> str:
    if text.count("@") != 1 or text != text.strip():
        raise ValueError("this is no mail address")
    return text.lower()


def _as_list(names: object) -> object:
    return [names] if isinstance(names, str) else names


Pattern = Annotated[str, AfterValidator(checked_pattern)]
Label = Annotated[str, AfterValidator(_label)]
Currency = Annotated[str, AfterValidator(_currency)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Domain = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*\.[a-z]{2,}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
FieldNames = Annotated[list[FieldName], BeforeValidator(_as_list)]


class BankTable(Table):
    """Who the bank is, and what proves that a mail comes from it."""

    code: Annotated[str, Field(pattern=r"^[a-z]{2}-[a-z0-9-]+$")]
    name: str
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    currency: Currency
    zone: Zone
    domains: Annotated[list[Domain], Field(min_length=1)]
    proof: Annotated[list[Literal["dmarc", "dkim", "spf"]], Field(min_length=1)] = ["dmarc", "dkim"]
    signs: dict[str, Currency] = {}
    seen: date | None = None


class SenderTable(Table):
    """One address of the bank; one that `brings` nothing is known and never searched for."""

    address: Address
    brings: Literal["transactions", "nothing"] = "transactions"
    seen: str | None = None


class FieldTable(Table):
    """Where one value stands: behind a label, or as the group `value` of a pattern over the flow."""

    labels: list[Label] = []
    pattern: Pattern | None = None
    after: Pattern | None = None
    take: Pattern | None = None
    below: Pattern | None = None
    pattern_first: bool = False

    @model_validator(mode="after")
    def _stands_somewhere(self) -> "FieldTable":
        if not self.labels and self.pattern is None and self.below is None:
            raise ValueError("a field needs labels, a pattern or below")
        for key, source in (("pattern", self.pattern), ("take", self.take)):
            if source is not None and "value" not in re2.compile(source, quiet()).groupindex:
                raise ValueError(f"{key} needs a group named value")
        return self


class ColumnsTable(Table):
    """A header row and rows of values below it."""

    fields: dict[FieldName, Annotated[list[Label], Field(min_length=1)]]
    others: list[Label] = []
    row: Pattern
    stacked: bool = True


class CaseTable(Table):
    """What a word in the mail means for kind, direction and status."""

    field: str
    matches: Pattern
    kind: Kind | None = None
    direction: Direction | None = None
    status: Status | None = None


class PayerCopyTable(Table):
    """A mail that payer and payee both receive: the field that names each."""

    payer: FieldName
    reader: FieldName


class ExpectedTable(Table):
    """One transaction that a sample holds, every field of it."""

    kind: Kind
    direction: Direction
    status: Status
    amount: str
    currency: Currency
    occurred_at: str
    dated_by: Literal["body", "body+received", "received"]
    merchant: str | None = None
    account: str | None = None
    reference: str | None = None
    authorization: str | None = None


class ExampleTable(Table):
    """A mail in short: its subject, its text or HTML, and when it was received."""

    subject: str = ""
    text: str | None = None
    html: str | None = None
    received: datetime
    to: str = ""

    @model_validator(mode="after")
    def _one_body(self) -> "ExampleTable":
        if (self.text is None) == (self.html is None):
            raise ValueError("give either text or html")
        if self.received.tzinfo is None:
            raise ValueError("received needs an offset")
        return self


class SampleTable(ExampleTable):
    """A mail that the template reads, and exactly what it reads there."""

    expect: list[ExpectedTable] = []


class RefusalTable(ExampleTable):
    """A mail of this bank that gives no transaction."""

    why: str = ""


class TemplateTable(Table):
    """One layout of the bank's mails."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)] = 1
    seen: str | None = None
    gives: Literal["transactions", "nothing"] = "transactions"
    subject: list[Pattern] = []
    must: list[Pattern] = []
    must_not: list[Pattern] = []
    numbers: NumberStyle = NumberStyle.COMMA_POINT
    dates: list[DateOrder] = []
    undated: bool = False
    maybe_utc: bool = False
    currency: Currency | None = None
    kind: Kind | None = None
    direction: Direction | None = None
    status: Status = Status.APPROVED
    required: list[FieldName] = []
    unique_reference: bool = False
    underscores: list[FieldName] = []
    spaced: list[Literal["reference", "authorization"]] = []
    nothing: Pattern | None = None
    colons: bool = True
    stops: list[Label] = []
    sentence: list[Pattern] = []
    each: Pattern | None = None
    count: Pattern | None = None
    columns: ColumnsTable | None = None
    fields: dict[FieldName, FieldTable] = {}
    case: list[CaseTable] = []
    merchant_else: FieldNames = []
    payer_copy: PayerCopyTable | None = None
    sample: list[SampleTable] = []

    @model_validator(mode="after")
    def _is_whole(self) -> "TemplateTable":
        if not (self.must or self.subject):
            raise ValueError("a template needs must or subject: something that tells its mails from others")
        if self.gives == "transactions":
            _complete(self)
        return self


def _complete(template: TemplateTable) -> None:
    """Check that a template can give every part of a transaction, and names no field that nothing fills."""
    filled = set(template.fields)
    for source in (*template.sentence, *([template.each] if template.each else [])):
        filled |= set(re2.compile(source, quiet()).groupindex)
    if template.columns:
        filled |= set(template.columns.fields)
    named = {*template.required, *template.underscores, "amount"} | {case.field for case in template.case} - {
        "subject",
        "body",
    }
    named |= set(template.merchant_else)
    named |= {template.payer_copy.payer, template.payer_copy.reader} if template.payer_copy else set()
    if missing := sorted(named - filled):
        raise ValueError(f"nothing fills {', '.join(missing)}")
    if not template.dates and not template.undated and "time" not in filled:
        raise ValueError("give dates, or undated = true for mails that say no date")
    for part in ("kind", "direction"):
        if getattr(template, part) is None and not any(getattr(case, part) for case in template.case):
            raise ValueError(f"neither {part} nor a case gives the {part}")


class BankFile(Table):
    """A whole bank file."""

    format: Literal[1]
    bank: BankTable
    sender: Annotated[list[SenderTable], Field(min_length=1)]
    template: Annotated[list[TemplateTable], Field(min_length=1)]
    refusal: list[RefusalTable] = []

    @model_validator(mode="after")
    def _names_are_unique(self) -> "BankFile":
        names = [template.name for template in self.template]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two templates are called {', '.join(twice)}")
        return self


def parse_bank_file(name: str, source: str) -> BankFile:
    """Return the checked content of a whole bank file.

    Raises `TemplateError` with one line per mistake, each beginning with the file's name and a line number.
    """
    tables, wrong = tables_of(name, source)
    try:
        if not wrong:
            return BankFile.model_validate(tables)
    except ValidationError as error:
        wrong = [words for _, words in mistakes(name, source, error)]
    raise TemplateError("\n".join(wrong))
