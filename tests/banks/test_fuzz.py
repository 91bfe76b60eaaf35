"""A small share of `make fuzz`: damaged mails never raise."""

from banks.mutations.letters import opened
from bench.fuzz import MAILS, RECEIVED, mails

from afpd.banks import shipped
from afpd.model import Outcome
from afpd.parse.library import load_library


def test_no_damage_makes_reading_raise() -> None:
    library = load_library(shipped())
    letters = [opened(path) for path in sorted(MAILS.glob("*/*.eml"))[::3]]
    source = mails(20261122, letters)
    outcomes = [library.read(next(source), received_at=RECEIVED) for _ in range(1_500)]
    assert {one.outcome for one in outcomes} >= {Outcome.SUCCESS, Outcome.UNMATCHED, Outcome.QUARANTINED}
    assert all(read.amount > 0 for one in outcomes for read in one.transactions)
