"""How exactly mails are read, as they are and with other values in other forms. Run by `make accuracy`.

Every mail of tests/banks/mails is made anew in each form of banks/mutations, each time with other amounts, names, dates,
accounts and keys, which stand in no bank file; its record changes with it. Printed are precision and recall per field
and bank, the share of mails that are read exactly, and every wrong amount. All follows from the seed.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from banks.comparison import _same_name, _same_time, differences
from banks.mutations.forms import FORMS
from banks.mutations.forwards import FORWARDS, told_of_a_forward
from banks.mutations.letters import Letter, opened
from banks.mutations.values import with_other_values

from afpd.banks import shipped
from afpd.model import Outcome, Reading, Status, Transaction
from afpd.parse.library import Library, load_library

MAILS = Path(__file__).parent / "mails"
FIELDS = ("kind", "direction", "status", "amount", "currency", "occurred_at", "dated_by")
FIELDS += ("merchant", "account", "reference", "authorization")
EVERY = {**FORMS, **FORWARDS}
LEAST_EXACT = 0.995


@dataclass(frozen=True)
class Trial:
    """One mail in one form: its bytes, when it came, and what is to be read in it."""

    bank: str
    name: str
    form: str
    raw: bytes
    received: datetime
    record: dict[str, Any]
    held_back: bool


@dataclass(frozen=True)
class Result:
    """What was read of a trial, and in words every difference."""

    trial: Trial
    reading: Reading
    differences: tuple[str, ...]

    @property
    def wrong_amounts(self) -> int:
        """Return how many approved amounts were read that the mail does not tell."""
        told = Counter((Decimal(one["amount"]), one["currency"]) for one in self.trial.record["transactions"])
        read = Counter((one.amount, one.currency) for one in self.reading.transactions if one.status is Status.APPROVED)
        return sum((read - told).values())


def trials(letter: Letter, seed: int, forms: Iterable[str]) -> Iterator[Trial]:
    """Yield a mail in each of the forms, with other values each time; forged mails are never forwarded."""
    for form in forms:
        if form in FORWARDS and (letter.is_forged or letter.is_forwarded):
            continue
        dice = random.Random(f"{seed} {letter.name} {form}")
        other, _ = with_other_values(letter, dice)
        yield trial(other, form, dice)


def trial(letter: Letter, form: str, dice: random.Random) -> Trial:
    """Return a letter in a form."""
    forward = form in FORWARDS
    raw = EVERY[form](letter, dice)
    received = letter.received + timedelta(hours=31) if forward else letter.received
    record = told_of_a_forward(letter.record, letter) if forward else letter.record
    held_back = forward or letter.is_forged or letter.is_forwarded
    return Trial(letter.bank, letter.name, form, raw, received.astimezone(UTC), record, held_back)


def as_they_are(letter: Letter) -> Trial:
    """Return the trial of a mail's own bytes."""
    made = trial(letter, "as it is", random.Random(0))
    return replace(made, raw=letter.path.read_bytes(), form="-")


def judged(library: Library, one: Trial) -> Result:
    """Read a trial and compare."""
    reading = library.read(one.raw, received_at=one.received)
    found = list(differences(_loose(reading, one), one.record))
    wanted = Outcome.QUARANTINED if one.held_back else Outcome.SUCCESS
    if one.record["transactions"] and reading.transactions and reading.outcome is not wanted:
        found.append(f"outcome {reading.outcome} instead of {wanted}")
    return Result(one, reading, tuple(found))


def _loose(reading: Reading, one: Trial) -> Reading:
    """A quoted header may tell its time with or without seconds."""
    if one.form not in FORWARDS:
        return reading

    def told(read: Transaction) -> Transaction:
        undated = read.dated_by == "received" and isinstance(read.occurred_at, datetime)
        return replace(read, occurred_at=read.occurred_at.replace(second=0)) if undated else read  # type: ignore[call-arg]

    return replace(reading, transactions=tuple(map(told, reading.transactions)))


class Score:
    """Precision and recall per field: of what was read how much is right, and of what is told how much was read."""

    def __init__(self) -> None:
        self.mails = self.exact = self.wrong_amounts = 0
        self.read: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.right: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Count one result."""
        self.mails += 1
        self.exact += not result.differences
        self.wrong_amounts += result.wrong_amounts
        told, read = result.trial.record["transactions"], _loose(result.reading, result.trial).transactions
        pairs = zip(told, read, strict=False)
        for record, transaction in pairs:
            values = transaction.as_record()
            for field in FIELDS:
                self.right[field] += values[field] is not None and _same(field, transaction, values, record)
        for field in FIELDS:
            self.told[field] += sum(record[field] is not None for record in told)
            self.read[field] += sum(transaction.as_record()[field] is not None for transaction in read)

    def cells(self) -> Iterator[str]:
        """Yield precision/recall in percent for each field."""
        for field in FIELDS:
            yield f"{_percent(self.right[field], self.read[field])}/{_percent(self.right[field], self.told[field])}"


def _same(field: str, read: Transaction, values: dict[str, Any], record: dict[str, Any]) -> bool:
    match field:
        case "amount":
            return bool(read.amount == Decimal(record["amount"]))
        case "occurred_at":
            return _same_time(read, record["occurred_at"])
        case "merchant":
            return _same_name(read.merchant, record["merchant"])
    return bool(values[field] == record[field])


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "-"
    return "100" if part == whole else f"{100 * part / whole:.1f}"


def printed(title: str, scores: dict[str, Score]) -> None:
    """Print a table: a row per bank, precision/recall per field."""
    print(f"\n{title}: precision/recall in percent per field")
    print(f"{'bank':<16}{'mails':>6}{'exact':>8}{'wrong amounts':>14}  " + "".join(f"{name:>14}" for name in FIELDS))
    for name, score in scores.items():
        exact = _percent(score.exact, score.mails)
        print(
            f"{name:<16}{score.mails:>6}{exact:>8}{score.wrong_amounts:>14}  "
            + "".join(f"{one:>14}" for one in score.cells())
        )


def scored(results: Iterable[Result]) -> dict[str, Score]:
    """Return the scores of results by bank, and of all together."""
    scores: dict[str, Score] = {}
    for result in results:
        for name in (result.trial.bank, "together"):
            scores.setdefault(name, Score()).add(result)
    return dict(sorted(scores.items(), key=lambda item: (item[0] == "together", item[0])))


def letters(root: Path, banks: Collection[str]) -> list[Letter]:
    """Return the mails of some banks below a folder."""
    return [opened(path) for path in sorted(root.glob("*/*.eml")) if path.parent.name in banks]


def main() -> int:
    """Measure and print; return 1 when the targets are missed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--bank", default="", help="only banks whose code begins so")
    asked.add_argument("--form", help="this form only")
    asked.add_argument("--mails", type=Path, default=MAILS, help="a folder of BANK/NAME.eml with .json beside")
    asked.add_argument("--show", type=int, default=20, metavar="N", help="print N differences")
    asked.add_argument("--write", type=Path, metavar="FOLDER", help="write the mails that were misread there")
    given = asked.parse_args()
    library = load_library(source for source in shipped() if source.name.startswith(given.bank))
    chosen = letters(given.mails, {bank.code for bank in library.banks})
    printed("mails as they are", scored(judged(library, as_they_are(letter)) for letter in chosen))
    forms = [given.form] if given.form else list(EVERY)
    results = [judged(library, one) for letter in chosen for one in trials(letter, given.seed, forms)]
    scores = scored(results)
    printed(f"with other values, in {len(forms)} forms, seed {given.seed}", scores)
    _show([one for one in results if one.differences or one.wrong_amounts], given.show, given.write)
    together = scores["together"]
    print(
        f"\nexact {together.exact} of {together.mails}, {together.exact / together.mails:.2%}; wrong amounts {together.wrong_amounts}"
    )
    return int(together.exact < LEAST_EXACT * together.mails or together.wrong_amounts > 0)


def _show(misread: list[Result], most: int, folder: Path | None) -> None:
    if misread:
        print("\nmisread by form:")
        for form, number in Counter(one.trial.form for one in misread).most_common():
            print(f"{number:>6}  {form}")
        print()
    for one in misread[:most]:
        amounts = f" WRONG AMOUNT x{one.wrong_amounts}" if one.wrong_amounts else ""
        print(f"{one.trial.name}, {one.trial.form}:{amounts} {'; '.join(one.differences)[:600]}")
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(misread):
            name = f"{number:04}-{one.trial.name.replace('/', '-')}-{one.trial.form.replace(' ', '-')}.eml"
            (folder / name).write_bytes(one.trial.raw)


if __name__ == "__main__":
    sys.exit(main())
