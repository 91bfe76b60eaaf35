"""A small, fixed share of `make accuracy`: every mail in two forms that change from mail to mail, with other values."""

from pathlib import Path

import pytest
from banks.accuracy import EVERY, LEAST_EXACT, Result, as_they_are, judged, letters, scored, trials

from afpd.banks import shipped
from afpd.parse.library import Library, load_library

HERE = Path(__file__).parent
SEED = 20261122


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(shipped())


@pytest.fixture(scope="module")
def results(library: Library) -> list[Result]:
    forms, found = list(EVERY), []
    for number, letter in enumerate(letters(HERE / "mails", {bank.code for bank in library.banks})):
        chosen = [forms[(2 * number + at) % len(forms)] for at in range(2)]
        found += [judged(library, one) for one in trials(letter, SEED, chosen)]
    return found


def test_no_amount_is_read_that_a_mail_does_not_tell(results: list[Result]) -> None:
    assert [(one.trial.name, one.trial.form) for one in results if one.wrong_amounts] == []


def test_mails_in_other_forms_with_other_values_are_read_exactly(results: list[Result]) -> None:
    told = [f"{one.trial.name}, {one.trial.form}: {'; '.join(one.differences)}" for one in results if one.differences]
    assert len(told) <= (1 - LEAST_EXACT) * len(results), "\n".join(told)


def test_every_bank_is_measured_and_the_mails_as_they_are_are_read_exactly(library: Library) -> None:
    codes = {bank.code for bank in library.banks}
    scores = scored(judged(library, as_they_are(letter)) for letter in letters(HERE / "mails", codes))
    assert scores["together"].exact == scores["together"].mails
    assert all("100/100" in cell or cell == "-/-" for cell in scores["together"].cells())
