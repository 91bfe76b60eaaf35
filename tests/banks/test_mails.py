"""Whole mails: every field of every bank that is shipped, and nothing out of forged and foreign ones."""

import json
from pathlib import Path

import pytest
from banks.comparison import compared

from afpd.banks import shipped
from afpd.model import Outcome, Status
from afpd.parse.authenticity import Policy
from afpd.parse.library import Library, load_library
from afpd.parse.message import read_message

HERE = Path(__file__).parent
MAILS = sorted((HERE / "mails").glob("*/*.eml"))


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(shipped())


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", MAILS, ids=name)
def test_a_mail_of_a_known_bank_is_read_exactly(library: Library, path: Path) -> None:
    assert compared(library, path).differences == ()


@pytest.mark.parametrize("path", MAILS, ids=name)
def test_a_mail_that_is_no_transaction_gives_no_approved_one(library: Library, path: Path) -> None:
    record = json.loads(path.with_suffix(".json").read_text("utf-8"))
    approved = [one for one in record["transactions"] if one["status"] == "approved"]
    read = compared(library, path).reading.transactions
    assert len([one for one in read if one.status is Status.APPROVED]) == len(approved)


@pytest.mark.parametrize("path", MAILS, ids=name)
def test_a_mail_of_an_unknown_bank_gives_nothing(library: Library, path: Path) -> None:
    others = Library(bank for bank in library.banks if bank.code != path.parent.name)
    reading = compared(others, path).reading
    assert reading.transactions == ()
    assert reading.outcome is Outcome.UNMATCHED


@pytest.mark.parametrize("path", [path for path in MAILS if "forwarded" in path.stem], ids=name)
def test_a_forwarded_mail_is_read_but_held_back(library: Library, path: Path) -> None:
    reading = compared(library, path).reading
    assert reading.outcome is Outcome.QUARANTINED
    assert reading.why.startswith("forwarded by ")
    assert len(reading.transactions) == 1


@pytest.mark.parametrize("path", [path for path in MAILS if "spoofed" in path.stem], ids=name)
def test_a_forged_mail_is_quarantined_without_transactions(library: Library, path: Path) -> None:
    reading = compared(library, path).reading
    assert (reading.outcome, reading.transactions) == (Outcome.QUARANTINED, ())


@pytest.fixture
def purchase() -> bytes:
    return (HERE / "mails" / "cr-bac" / "card-purchase-visa.eml").read_bytes()


def without_results(raw: bytes) -> bytes:
    head, rest = raw.split(b"Authentication-Results:", 1)
    lines = rest.split(b"\r\n")
    end = next(at for at, line in enumerate(lines[1:], 1) if line[:1] not in (b" ", b"\t"))
    return head + b"\r\n".join(lines[end:])


def test_without_results_on_top_the_policy_decides(library: Library, purchase: bytes) -> None:
    raw = without_results(purchase)
    when = read_message(raw).date
    assert when is not None
    assert library.read(raw, received_at=when).outcome is Outcome.QUARANTINED
    taken = library.read(raw, received_at=when, policy=Policy.WARN)
    assert taken.outcome is Outcome.SUCCESS
    assert taken.why.endswith("nobody vouches for the sender (policy warn)")


def test_a_pass_for_another_domain_proves_nothing(library: Library, purchase: bytes) -> None:
    raw = purchase.replace(b"header.from=baccredomatic.cr", b"header.from=evil.example")
    when = read_message(raw).date
    assert when is not None
    reading = library.read(raw, received_at=when, policy=Policy.WARN)
    assert (reading.outcome, reading.transactions) == (Outcome.QUARANTINED, ())


@pytest.mark.parametrize(
    "sender",
    [
        b'"NotificacionBAC@baccredomatic.cr" <mail@evil.example>',
        b"BAC <NotificacionBAC@baccredomatic.cr.evil.example>",
        b"BAC <NotificacionBAC@bac-credomatic.cr>",
        b"=?UTF-8?Q?=3CNotificacionBAC=40baccredomatic=2Ecr=3E?= <mail@evil.example>",
        b"NotificacionBAC@baccredomatic.cr, mail@evil.example",
    ],
)
def test_only_the_one_address_of_from_is_the_sender(library: Library, purchase: bytes, sender: bytes) -> None:
    raw = purchase.replace(b"From: BAC <NotificacionBAC@baccredomatic.cr>", b"From: " + sender)
    assert raw != purchase
    when = read_message(raw).date
    assert when is not None
    reading = library.read(raw, received_at=when)
    assert (reading.outcome, reading.transactions) == (Outcome.UNMATCHED, ())


def test_explain_says_why_each_template_did_not_fit(library: Library, purchase: bytes) -> None:
    when = read_message(purchase).date
    assert when is not None
    explanation = library.explain(purchase, received_at=when)
    assert explanation.reading == library.read(purchase, received_at=when)
    assert explanation.authentication == "dmarc=pass for baccredomatic.cr"
    assert explanation.templates[0][0] == "card"
    assert explanation.values[0]["amount"] == "CRC 7,845.00"
