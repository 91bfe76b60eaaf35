"""The layout is read, not the file: every mail in other renderings, with other values."""

import json
import random
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from banks.comparison import differences
from banks.rendering import HTML, PLAIN, rebuilt

from afpd.banks import shipped
from afpd.parse.library import Library, load_library
from afpd.parse.message import read_message
from afpd.parse.text import Text

MAILS = sorted((Path(__file__).parent / "mails").glob("*/*.eml"))
NAMES = (
    "TIENDA Ñandú & Co. *A1",
    "SODA EL DIA, S.A. EN EL PARQUE Y 24-7 CR",
    "*ESTRELLA 506 8888-0000 CR",
    "X 3% D'ORO",
)


@dataclass(frozen=True)
class Original:
    """A mail of the folder that can be rendered again."""

    path: Path
    raw: bytes
    received: datetime
    text: Text
    record: dict[str, Any]


def originals() -> list[Original]:
    found = []
    for path in MAILS:
        raw = path.read_bytes()
        message = read_message(raw)
        if "forwarded" in path.name or "spoofed" in path.name:
            continue
        record = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert message.date is not None
        found.append(Original(path, raw, message.date, next(message.bodies()), record))
    return found


ORIGINALS = originals()


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(shipped())


def told(library: Library, mail: Original, text: Text, record: dict[str, Any]) -> list[str]:
    """Return every difference over all renderings of a text."""
    wrong = []
    for kind, renderings in (("text/plain", PLAIN), ("text/html", HTML)):
        for name, rendering in renderings.items():
            raw = rebuilt(mail.raw, rendering(text), kind)
            reading = library.read(raw, received_at=mail.received)
            wrong += [f"{mail.path.stem} as {name}: {one}" for one in differences(reading, record)]
    return wrong


@pytest.mark.parametrize("mail", ORIGINALS, ids=lambda mail: f"{mail.path.parent.name}/{mail.path.stem}")
def test_every_rendering_of_a_mail_reads_the_same(library: Library, mail: Original) -> None:
    assert told(library, mail, mail.text, mail.record) == []


def styles(amount: Decimal) -> list[str]:
    """Return the ways in which an amount may be written, the unambiguous ones first."""
    comma = f"{amount:,.2f}"
    point = comma.replace(",", "_").replace(".", ",").replace("_", ".")
    bare = f"{amount:.2f}"
    found = [comma, point, bare, bare.replace(".", ",")]
    if amount == amount.to_integral() and amount >= 1000:
        found += [f"{amount:,.0f}", f"{amount:,.0f}".replace(",", ".")]
    return found


def with_other_values(mail: Original, dice: random.Random) -> tuple[Text, dict[str, Any]] | None:
    """Return the text with another amount, and another merchant where it stands alone, and what it now tells."""
    if len(mail.record["transactions"]) != 1:
        return None
    (wanted,) = mail.record["transactions"]
    body = mail.text.body
    old = Decimal(wanted["amount"])
    style = next((at for at, written in enumerate(styles(old)) if written in body), None)
    if style is None or body.count(styles(old)[style]) != 1:
        return None
    whole = style >= len(styles(Decimal("1.50")))
    integer = dice.randint(10 ** (digits := dice.randint(3 if whole else 0, 8)), 10 ** (digits + 1) - 1)
    new = Decimal(integer) if whole else Decimal(integer) + Decimal(dice.randint(0, 99)) / 100
    body = body.replace(styles(old)[style], styles(new)[style])
    told = {**wanted, "amount": f"{new:.2f}"}
    if wanted["kind"] == "purchase" and wanted["merchant"]:
        name = dice.choice(NAMES)
        body = body.replace(wanted["merchant"], name)
        told["merchant"] = name
    return Text(body), {"transactions": [told]}


@pytest.mark.parametrize("seed", range(4))
def test_other_amounts_and_merchants_are_read_exactly(library: Library, seed: int) -> None:
    dice = random.Random(seed)
    tried, wrong = 0, []
    for mail in ORIGINALS:
        made = with_other_values(mail, dice)
        if made is not None:
            tried += 1
            # A star of the name's own beside a bold mark may cost the mail or the star, never the amount.
            starred = "*" in str(made[1]["transactions"][0]["merchant"])
            excused = ("as bold values: 0 transactions", "as bold values: 0.merchant")
            found = told(library, mail, *made)
            wrong += [one for one in found if not (starred and any(words in one for words in excused))]
    assert tried > 30
    assert wrong == []


@pytest.mark.parametrize("mail", ORIGINALS, ids=lambda mail: f"{mail.path.parent.name}/{mail.path.stem}")
def test_a_mail_that_was_cut_off_gives_the_right_amount_or_nothing(library: Library, mail: Original) -> None:
    amounts = {(one["amount"], one["currency"], one["direction"]) for one in mail.record["transactions"]}
    for end in range(0, len(mail.text.body), max(1, len(mail.text.body) // 80)):
        raw = rebuilt(mail.raw, mail.text.body[:end], "text/plain", end=b"")
        for read in library.read(raw, received_at=mail.received).transactions:
            assert (format(read.amount, "f"), read.currency, read.direction) in amounts, mail.text.body[:end][-40:]


@pytest.mark.parametrize("mail", ORIGINALS, ids=lambda mail: f"{mail.path.parent.name}/{mail.path.stem}")
def test_a_mail_that_lacks_one_line_never_gives_another_amount(library: Library, mail: Original) -> None:
    amounts = {(one["amount"], one["currency"]) for one in mail.record["transactions"]}
    lines = mail.text.body.split("\n")
    for gone in range(len(lines)):
        body = "\n".join(lines[:gone] + lines[gone + 1 :])
        reading = library.read(rebuilt(mail.raw, body, "text/plain"), received_at=mail.received)
        for read in reading.transactions:
            assert (format(read.amount, "f"), read.currency) in amounts, lines[gone]
