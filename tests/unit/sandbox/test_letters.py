"""Letters: well-formed mails that tell what their record says."""

import email
import html
import re
from datetime import UTC, datetime
from decimal import Decimal
from email import policy
from random import Random

import pytest

from afpd.sandbox.letters import MONEY, PRIVATE, QUIET, Letter, layouts, write
from afpd.sandbox.letters.values import COSTA_RICA, dates, written

WHEN = datetime(2026, 10, 2, 4, 7, 33, 999, tzinfo=UTC)


def letter(layout: str, serial: int = 1) -> Letter:
    return write(layout, Random(serial), WHEN, "ana.mora@example.com", serial=serial)


def text_of(written_letter: Letter) -> str:
    message = email.message_from_bytes(written_letter.raw, policy=policy.default)
    content = re.sub(r"<style.*?</style>|<[^>]+>", " ", message.get_content(), flags=re.DOTALL)
    return " ".join(html.unescape(content).replace("_", " ").split())


def test_there_are_enough_layouts_of_enough_banks() -> None:
    assert len(MONEY) >= 10
    assert len({layouts()[name].bank for name in MONEY}) >= 8
    assert len(QUIET) >= 3
    assert PRIVATE


@pytest.mark.parametrize("layout", layouts())
def test_a_letter_is_a_mail_without_defects_that_gmail_vouches_for(layout: str) -> None:
    raw = letter(layout).raw
    message = email.message_from_bytes(raw, policy=policy.default)
    domain = message["From"].addresses[0].domain
    results = message["Authentication-Results"]
    assert not message.defects
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert results.startswith("mx.google.com;")
    assert f"header.from={domain}" in results
    assert "dmarc=pass" in results
    assert message["Date"].datetime == WHEN.replace(microsecond=0)
    assert not re.search(r"\{[a-z_0-9]+\}", message.get_content() + message["Subject"])


@pytest.mark.parametrize("layout", MONEY)
@pytest.mark.parametrize("serial", range(1, 6))
def test_every_text_of_the_record_stands_in_the_mail(layout: str, serial: int) -> None:
    one = letter(layout, serial)
    text = text_of(one)
    for name in ("merchant", "account", "reference", "authorization"):
        assert one.expected[name] is None or one.expected[name] in text
    assert written(Decimal(one.expected["amount"]), layouts()[layout].amount) in text


@pytest.mark.parametrize("layout", [*QUIET, *PRIVATE])
def test_other_mails_tell_no_transaction(layout: str) -> None:
    assert letter(layout).expected is None
    assert letter(layout).note()["transactions"] == []


@pytest.mark.parametrize("layout", [name for name in MONEY if layouts()[name].record.get("reference")])
def test_references_and_message_ids_never_repeat(layout: str) -> None:
    letters = [letter(layout, serial) for serial in range(1, 400)]
    assert len({one.expected["reference"] for one in letters}) == len(letters)
    assert len({one.message_id for one in letters}) == len(letters)


@pytest.mark.parametrize(
    ("layout", "occurred_at", "dated_by"),
    [
        ("cr-bac-card", "2026-10-01T22:07:00-06:00", "body"),
        ("cr-bcr-card", "2026-10-01T22:07:33-06:00", "body"),
        ("cr-multimoney-credit", "2026-10-01", "body"),
        ("cr-popular-card", "2026-10-01T22:07:33-06:00", "received"),
    ],
)
def test_the_time_is_the_banks_and_as_exact_as_the_mail(layout: str, occurred_at: str, dated_by: str) -> None:
    expected = letter(layout).expected
    assert (expected["occurred_at"], expected["dated_by"]) == (occurred_at, dated_by)


def test_the_same_seed_writes_the_same_letter() -> None:
    assert letter("cr-bn-voucher", 7) == letter("cr-bn-voucher", 7)


@pytest.mark.parametrize(
    ("style", "text"),
    [("comma", "1,234,567.80"), ("plain", "1234567.80"), ("plain_comma", "1234567,80"), ("whole_dot", "1.234.567")],
)
def test_amounts_are_written_as_each_bank_does(style: str, text: str) -> None:
    assert written(Decimal("1234567.80"), style) == text


@pytest.mark.parametrize(
    ("hour", "clock", "half"),
    [(0, "0:19 a.m.", "12:19 AM"), (12, "0:19 p.m.", "12:19 PM"), (19, "7:19 p.m.", "7:19 PM")],
)
def test_noon_is_written_as_each_bank_does(hour: int, clock: str, half: str) -> None:
    forms = dates(datetime(2026, 9, 2, hour, 19, tzinfo=COSTA_RICA))
    assert (forms["bn_clock"], forms["h12"]) == (clock, half)
