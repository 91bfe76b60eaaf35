"""Whom the configuration believes: single banks, and people who pass a bank's mail on."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from afpd.banks import shipped
from afpd.config.sections import BanksSettings
from afpd.model import Outcome
from afpd.parse.authenticity import Policy
from afpd.parse.library import Library, load_library
from afpd.parse.message import read_message
from afpd.parse.trust import policy_of, trust_of

MAILS = Path(__file__).parents[2] / "banks" / "mails"
PURCHASE = (MAILS / "cr-bac" / "card-purchase-visa.eml").read_bytes()
WHEN = datetime(2026, 11, 20, tzinfo=UTC)


def library(**settings: object) -> Library:
    banks = BanksSettings.model_validate(settings)
    return load_library(shipped(), countries=banks.countries, trust=trust_of(banks))


def outcome(library: Library, raw: bytes, **more: object) -> Outcome:
    return library.read(raw, received_at=WHEN, **more).outcome  # type: ignore[arg-type]


def without_proof(raw: bytes) -> bytes:
    return raw.replace(b"Authentication-Results: mx.google.com", b"Authentication-Results: mx.elsewhere.example")


def test_a_bank_that_is_an_exception_is_read_without_proof() -> None:
    raw = without_proof(PURCHASE)
    assert outcome(library(), raw) is Outcome.QUARANTINED
    assert outcome(library(exceptions=["cr-bac=warn"]), raw) is Outcome.SUCCESS
    assert outcome(library(exceptions=["cr-bcr=warn"]), raw) is Outcome.QUARANTINED


def test_an_exception_may_be_stricter_than_the_rule() -> None:
    raw = without_proof(PURCHASE)
    lenient = BanksSettings.model_validate({"authentication": "off", "exceptions": ["cr-bac=strict"]})
    assert policy_of(lenient) is Policy.OFF
    strict = load_library(shipped(), trust=trust_of(lenient))
    assert outcome(strict, raw, policy=Policy.OFF) is Outcome.QUARANTINED


FORWARDED = sorted(path for path in MAILS.glob("cr-*/*.eml") if "forwarded" in path.stem)


@pytest.mark.parametrize("path", FORWARDED, ids=lambda path: path.stem)
def test_a_mail_that_the_owner_passed_on_to_himself_is_booked(path: Path) -> None:
    raw = path.read_bytes()
    owner = read_message(raw).sender
    assert outcome(library(), raw, owner=owner) is Outcome.SUCCESS
    assert outcome(library(), raw, owner="somebody@else.example") is Outcome.QUARANTINED
    assert outcome(library(), raw) is Outcome.QUARANTINED
    assert outcome(library(), without_proof(raw), owner=owner) is Outcome.QUARANTINED
    assert outcome(library(forwarded="never"), raw, owner=owner) is Outcome.QUARANTINED
    assert outcome(library(forwarded="any"), raw, owner="somebody@else.example") is Outcome.SUCCESS


def test_banks_of_other_countries_are_not_searched_for() -> None:
    here = library(countries=["CR"])
    assert {bank.country for bank in here.banks} == {"CR"}
    assert set(here.senders) < set(library().senders)
    assert outcome(here, (MAILS / "sg-dbs" / "card-purchase.eml").read_bytes()) is Outcome.UNMATCHED
