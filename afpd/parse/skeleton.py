"""A bank file to begin with, made of one mail: what is found is written down, what is guessed says so.

The guesses are read back with the template that they make, so that the file proves as it stands wherever amount and
date were found; whether it proves the right thing only a person can tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import re2

from afpd.banks import BankSource
from afpd.errors import ReadingError
from afpd.model import Outcome, Transaction
from afpd.parse.bank import build_bank
from afpd.parse.fold import fold
from afpd.parse.message import Message, read_message
from afpd.parse.owners import Owners
from afpd.parse.patterns import PIECES
from afpd.parse.search import Pattern
from afpd.parse.shape import constant_runs
from afpd.parse.sources import drafts
from afpd.parse.text import Text, of_plain
from afpd.parse.transactions import Surroundings

_COUNTRIES = {
    "cr": ("CR", "CRC", "America/Costa_Rica"),
    "mx": ("MX", "MXN", "America/Mexico_City"),
    "co": ("CO", "COP", "America/Bogota"),
    "cl": ("CL", "CLP", "America/Santiago"),
    "pe": ("PE", "PEN", "America/Lima"),
    "ar": ("AR", "ARS", "America/Argentina/Buenos_Aires"),
    "do": ("DO", "DOP", "America/Santo_Domingo"),
    "pa": ("PA", "USD", "America/Panama"),
    "gt": ("GT", "GTQ", "America/Guatemala"),
    "in": ("IN", "INR", "Asia/Kolkata"),
    "sg": ("SG", "SGD", "Asia/Singapore"),
    "us": ("US", "USD", "America/New_York"),
}
_WORDS = {
    "amount": ("monto", "importe", "valor", "amount", "total", "cantidad", "precio"),
    "date": ("fecha", "date", "dia"),
    "time": ("hora", "time"),
    "merchant": ("comercio", "establecimiento", "merchant", "beneficiario", "destinatario", "tienda", "payee", "lugar"),
    "account": ("tarjeta", "cuenta", "card", "account"),
    "reference": ("referencia", "reference", "comprobante", "documento"),
    "authorization": ("autorizacion", "authorization"),
}
_DATES = (
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}",
    r"\d{1,2}[-/]\d{1,2}[-/]\d{4}",
    r"\d{1,2}(?: de)?[ -][a-z]{3,10}(?: de)?[ -,]+\d{4}",
    r"[a-z]{3,10} \d{1,2},? \d{4}",
)
_SHAPES = {"amount": r"\d", "date": "|".join(_DATES), "account": r"\d{4}\W*$", "time": r"\d:\d\d"}
_BEHIND = {
    "amount": (r"(?P<words>[a-z]+ [a-z]+):? (?P<value>(?:[a-z]{3} ?|[₡$€] ?)\d[\d.,]*\d)", "{{money}}"),
    "date": (
        rf"(?P<words>[a-z]+ [a-z]+):? (?P<value>{PIECES['date']}(?: {PIECES['time']})?)",
        "{{date}}(?: {{time}})?",
    ),
    "account": (r"(?P<words>[a-z]+ [a-z]+):? (?P<value>[*x]*\d{4})\b", "{{mask}}"),
}
_GREETING = Pattern(r"^(?:estimad|apreciad|hola|buen|dear|hello|senor)")
_LONGEST_LABEL = 40
_MOST_CONDITIONS = 3
_CHECK = "# check"


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a value was found: behind a label, or behind words of a sentence."""

    name: str
    label: str | None
    pattern: str | None
    value: str


def skeleton(raw: bytes) -> str:
    """Return a bank file for the bank that sent this mail. Raises `ReadingError` for what is no mail or has no text."""
    message = read_message(raw)
    body = next(message.bodies(), None)
    if body is None or not message.sender:
        raise ReadingError("a mail with a sender and a text is needed: in Gmail, Show original, Download original")
    fields = _fields(body)
    received = (message.date or datetime.now(UTC)).astimezone(UTC)
    start = "\n".join([*_bank(message), *_template(body, fields)])
    texts = [body.body, _other_values(body.body, fields)]
    samples = [_sample(start, text, message.subject, received) for text in texts]
    return "\n".join([start, *samples, *_refusal(received)])


def _bank(message: Message) -> Iterator[str]:
    domain = message.sender.rpartition("@")[2]
    country, currency, zone = _COUNTRIES.get(domain.rpartition(".")[2], ("US", "USD", "America/New_York"))
    name = next((part for part in reversed(domain.split(".")[:-1]) if len(part) > len("com")), domain.split(".")[0])
    code = "".join(char if char.isalnum() else "-" for char in fold(name)).strip("-")
    yield "format = 1\n\n[bank]"
    yield f'code = "{country.lower()}-{code}"  {_CHECK}: country, dash, name'
    yield f'name = "{message.sender_name or name.title()}"  {_CHECK}'.replace("\\", "")
    yield f'country = "{country}"  {_CHECK}'
    yield f'currency = "{currency}"  {_CHECK}'
    yield f'zone = "{zone}"  {_CHECK}: of the times in its mails'
    yield f'domains = ["{domain}"]  {_CHECK}: what stands behind header.from= in the line dmarc=pass'
    yield f'\n[[sender]]\naddress = "{message.sender}"'


def _template(body: Text, fields: list[_Field]) -> Iterator[str]:
    values = {field.name: field.value for field in fields}
    amount = values.get("amount", "")
    conditions = [f"'{run}'" for run in _conditions(body)]
    yield f'\n[[template]]\nname = "card"  {_CHECK}: what these mails are'
    yield f"must = [{', '.join(conditions)}]  {_CHECK}: words of all such mails and of no others"
    yield f'numbers = "{_style(amount)}"  {_CHECK}'
    yield f'dates = ["{_order(values["date"])}"]  {_CHECK}' if "date" in values else f"undated = true  {_CHECK}"
    if not re2.search(r"[a-z₡$€]", fold(amount)):
        yield f'currency = "USD"  {_CHECK}: the amount names none'
    yield f'kind = "purchase"  {_CHECK}: or withdrawal, transfer, deposit, payment, fee'
    yield f'direction = "debit"  {_CHECK}: or credit, when money comes in'
    yield "required = [" + ", ".join(f'"{field.name}"' for field in fields if field.name == "merchant") + "]"
    for field in fields:
        place = f'labels = ["{field.label}"]' if field.label else f"pattern = '{field.pattern}'  {_CHECK}"
        yield f"\n[template.fields.{field.name}]\n{place}"
    if "amount" not in values:
        yield f'\n[template.fields.amount]\nlabels = ["Monto"]  {_CHECK}: no amount was found'


def _conditions(body: Text) -> list[str]:
    flow = body.folded_flow.text
    runs = [
        run
        for run in constant_runs(body.body)
        if run in flow and not _GREETING.is_in(run.encode()) and all(char.isalpha() or char == " " for char in run)
    ]
    chosen = sorted(runs[: 2 * _MOST_CONDITIONS], key=len, reverse=True)[:_MOST_CONDITIONS]
    return chosen or [" ".join(word for word in flow.split() if word.isalpha())[:_LONGEST_LABEL]]


def _fields(body: Text) -> list[_Field]:
    found: dict[str, _Field] = {}
    for label, value in _pairs(body.body.split("\n")):
        folded = fold(label)
        name = next((name for name, words in _WORDS.items() if any(word in folded.split() for word in words)), None)
        if name and name not in found and re2.search(_SHAPES.get(name, r"\S"), fold(value)):
            found[name] = _Field(name, label, None, value)
    for name, (pattern, piece) in _BEHIND.items():
        hit = None if name in found else Pattern(pattern).search(body.folded_flow)
        if hit is not None:
            start, end = hit.span("value")
            source = f"{hit.texts()['words']}:? (?P<value>{piece})"
            found[name] = _Field(name, None, source, body.flow[start:end])
    return list(found.values())


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what looks like a label and its value: in two cells, behind a colon, or on the next line."""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
        label, colon, value = line.partition(":")
        if len(cells) == 2:
            label, value = cells[0].rstrip(" :"), cells[1]
        elif colon and not value.strip():
            value = following
        label, value = label.strip(' *"\\'), value.strip()
        if label and value and len(label) <= _LONGEST_LABEL and not any(char.isdigit() for char in label):
            yield label, value


def _style(amount: str) -> str:
    number = next(iter(re2.findall(r"\d[\d.,]*\d", amount)), "")
    last = max(number.rfind(","), number.rfind("."))
    decimal = last >= 0 and len(number) - last - 1 != len("000")
    comma = last >= 0 and number[last] == ","
    return "point-comma" if last >= 0 and comma == decimal else "comma-point"


def _order(date: str) -> str:
    folded = fold(date)
    numbers = [int(one) for one in re2.findall(r"\d+", folded)]
    if re2.search(r"^\D*\d{1,2}(?: de)?[ -][a-z]{3}", folded):
        return "d mon y"
    if re2.search(r"[a-z]{3,10} \d{1,2},? \d{4}", folded):
        return "mon d y"
    if numbers and numbers[0] > 31:
        return "ymd"
    return "mdy" if len(numbers) > 1 and numbers[1] > 12 else "dmy"


def _other_values(text: str, fields: list[_Field]) -> str:
    """Return the text with another amount of the same form."""
    value = next((field.value for field in fields if field.name == "amount"), "")
    other = "".join(str(int(char) % 9 + 1) if char.isascii() and char.isdigit() else char for char in value)
    return text.replace(value, other) if value else text


def _sample(start: str, text: str, subject: str, received: datetime) -> str:
    told = [f"\n[[template.sample]]\nreceived = {received:%Y-%m-%dT%H:%M:%SZ}"]
    if subject:
        told.append(f"subject = {_quoted(subject)}")
    told.append("text = '''\n" + text.replace("'''", "''") + "\n'''")
    for one in _read(start, text, subject, received):
        told.append(f"\n[[template.sample.expect]]  {_CHECK}: this was read; is it true?")
        told += [f"{name} = {_quoted(value)}" for name, value in one.as_record().items() if value is not None]
    return "\n".join(told)


def _read(start: str, text: str, subject: str, received: datetime) -> tuple[Transaction, ...]:
    found, _ = drafts([BankSource("new", start)])
    if not found:
        return ()
    around = Surroundings(received, subject, Owners(list))
    choice = build_bank(found[0].file).chooser.read(of_plain(text), around)
    return choice.transactions if choice.outcome is Outcome.SUCCESS else ()


def _refusal(received: datetime) -> Iterator[str]:
    yield "\n[[refusal]]"
    yield f'why = "An offer from the same address."  {_CHECK}: add a real one, and codes, log-ins, statements'
    yield f'received = {received:%Y-%m-%dT%H:%M:%SZ}\ntext = "Aproveche nuestra oferta de hoy."\n'


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
