"""A forged mail of each bank: whatever stands in it, nothing is booked."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from afpd.banks import shipped
from afpd.model import Outcome, Status
from afpd.parse.authenticity import Policy
from afpd.parse.library import load_library
from afpd.parse.message import read_message

HERE = Path(__file__).parent
LIBRARY = load_library(shipped())
RESULTS = re.compile(rb"(?mi)^Authentication-Results:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
FAILED = (
    b"Authentication-Results: mx.google.com;\r\n       spf=fail smtp.mailfrom=x@evil.example;\r\n"
    b"       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=%s\r\n"
)
PASSED = (
    b"Authentication-Results: mx.google.com;\r\n       dkim=pass header.i=@%s;\r\n       dmarc=pass header.from=%s\r\n"
)


def approved(raw: bytes, received: object, policy: Policy) -> list[object]:
    reading = LIBRARY.read(raw, received_at=received, policy=policy)
    booked = reading.outcome is Outcome.SUCCESS
    return [one for one in reading.transactions if booked and one.status in (Status.APPROVED, Status.REVERSED)]


def genuine() -> dict[str, bytes]:
    """Return one mail of each bank that is booked when it is genuine."""
    found: dict[str, bytes] = {}
    for path in sorted((HERE / "mails").glob("*/*.eml")):
        raw = path.read_bytes()
        if path.parent.name not in found and approved(raw, read_message(raw).date, Policy.STRICT):
            found[path.parent.name] = raw
    return found


GENUINE = genuine()


def domain_of(raw: bytes) -> bytes:
    return read_message(raw).sender.rpartition("@")[2].encode()


def with_from(raw: bytes, value: bytes) -> bytes:
    return re.sub(rb"(?mi)^From:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", lambda _: b"From: " + value, raw, count=1)


def proved_for(raw: bytes, domain: bytes) -> bytes:
    """Return the mail with DMARC passed for a domain: that of the forger."""
    return PASSED % (domain, domain) + RESULTS.sub(b"", raw)


def dmarc_fails(raw: bytes) -> bytes:
    return FAILED % domain_of(raw) + RESULTS.sub(b"", raw)


def another_result_below_the_failing_one(raw: bytes) -> bytes:
    domain = domain_of(raw)
    return FAILED % domain + PASSED % (domain, domain) + RESULTS.sub(b"", raw)


def another_server_claims_to_have_checked(raw: bytes) -> bytes:
    domain = domain_of(raw)
    claimed = PASSED.replace(b"mx.google.com", b"mx.google.com.evil.example") % (domain, domain)
    return claimed + PASSED % (domain, domain) + RESULTS.sub(b"", raw)


def no_result_at_all(raw: bytes) -> bytes:
    return RESULTS.sub(b"", raw)


def the_domain_is_the_beginning_of_a_longer_one(raw: bytes) -> bytes:
    longer = domain_of(raw) + b".evil.example"
    sender = read_message(raw).sender.encode()
    return proved_for(with_from(raw, b"Banco <" + sender + b".evil.example>"), longer)


def the_domain_has_a_letter_that_looks_alike(raw: bytes) -> bytes:
    address = read_message(raw).sender
    local, _, domain = address.rpartition("@")
    alike = domain.replace("a", "\u0430").replace("o", "\u043e").replace("e", "\u0435").replace("c", "\u0441")
    assert alike != domain
    return proved_for(with_from(raw, f"Banco <{local}@{alike}>".encode()), alike.encode())


def the_address_stands_in_the_display_name(raw: bytes) -> bytes:
    sender = read_message(raw).sender.encode()
    return proved_for(with_from(raw, b'"' + sender + b'" <mail@evil.example>'), b"evil.example")


def the_proof_is_somebody_elses(raw: bytes) -> bytes:
    return proved_for(raw, b"evil.example")


def two_senders(raw: bytes) -> bytes:
    sender = read_message(raw).sender.encode()
    return proved_for(with_from(raw, b"a@evil.example, Banco <" + sender + b">"), b"evil.example")


def attached_to_a_mail_of_ones_own(raw: bytes) -> bytes:
    head = b"From: mail@evil.example\r\nTo: a@example.com\r\nSubject: x\r\nDate: " + date_of(raw) + b"\r\n"
    return proved_for(head + b"Content-Type: message/rfc822\r\n\r\n" + raw, b"evil.example")


def date_of(raw: bytes) -> bytes:
    hit = re.search(rb"(?mi)^Date: ([^\r\n]*)", raw)
    assert hit is not None
    return hit[1]


FORGERIES: tuple[Callable[[bytes], bytes], ...] = (
    dmarc_fails,
    another_result_below_the_failing_one,
    another_server_claims_to_have_checked,
    the_domain_is_the_beginning_of_a_longer_one,
    the_domain_has_a_letter_that_looks_alike,
    the_address_stands_in_the_display_name,
    the_proof_is_somebody_elses,
    two_senders,
    attached_to_a_mail_of_ones_own,
)


def test_every_bank_has_a_genuine_mail_to_forge() -> None:
    assert set(GENUINE) == {bank.code for bank in LIBRARY.banks}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__name__)
@pytest.mark.parametrize("policy", [Policy.STRICT, Policy.WARN])
def test_a_forged_mail_of_no_bank_is_booked(forgery: Callable[[bytes], bytes], policy: Policy) -> None:
    booked = [bank for bank, raw in GENUINE.items() if approved(forgery(raw), read_message(raw).date, policy)]
    if forgery is another_server_claims_to_have_checked and policy is Policy.WARN:
        return  # the receiving service wrote nothing: `warn` takes such mails, and says so
    assert booked == []


def test_without_any_result_nothing_is_booked_where_proof_is_asked() -> None:
    raws = [(raw, read_message(raw).date) for raw in GENUINE.values()]
    assert [1 for raw, when in raws if approved(no_result_at_all(raw), when, Policy.STRICT)] == []
