"""How a reading is compared with a record (mails/*/*.json): exact, except for the beginning of a merchant's name."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from afpd.model import Outcome, Reading, Transaction
from afpd.parse.library import Library
from afpd.parse.message import read_message

EXACT = ("kind", "direction", "status", "currency", "dated_by", "account", "reference", "authorization")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One mail: what was read, and every difference from what its record says."""

    path: Path
    reading: Reading
    differences: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Return exact, wrong (something else than is told was read) or missed (nothing was read)."""
        if not self.differences:
            return "exact"
        return "wrong" if self.reading.transactions else "missed"


def compared(library: Library, path: Path) -> Comparison:
    """Read the mail at `path` as received at its Date header and compare it with the record beside it."""
    raw = path.read_bytes()
    received = read_message(raw).date
    assert received is not None
    record = json.loads(path.with_suffix(".json").read_text("utf-8"))
    reading = library.read(raw, received_at=received)
    return Comparison(path, reading, tuple(differences(reading, record)))


def differences(reading: Reading, record: dict[str, Any]) -> Iterator[str]:
    """Yield how a reading differs from a record."""
    expected = record["transactions"]
    if len(expected) != len(reading.transactions):
        yield f"{len(reading.transactions)} transactions instead of {len(expected)} ({reading.outcome}: {reading.why})"
        return
    if expected and reading.outcome not in (Outcome.SUCCESS, Outcome.QUARANTINED):
        yield f"outcome {reading.outcome}"
    for number, (want, got) in enumerate(zip(expected, reading.transactions, strict=True)):
        for name in _wrong_fields(got, want):
            yield f"{number}.{name}: {got.as_record()[name]!r} instead of {want[name]!r}"


def _wrong_fields(got: Transaction, want: dict[str, Any]) -> Iterator[str]:
    told = got.as_record()
    yield from (name for name in EXACT if told[name] != want[name])
    if Decimal(told["amount"]) != Decimal(want["amount"]):
        yield "amount"
    if not _same_time(got, want["occurred_at"]):
        yield "occurred_at"
    if not _same_name(got.merchant, want["merchant"]):
        yield "merchant"


def _same_time(got: Transaction, want: str) -> bool:
    if "T" not in want or not isinstance(got.occurred_at, datetime):
        return got.occurred_at.isoformat() == want
    wanted = datetime.fromisoformat(want)
    return got.occurred_at == wanted and got.occurred_at.utcoffset() == wanted.utcoffset()


def _same_name(got: str | None, want: str | None) -> bool:
    if got is None or want is None:
        return got is want
    got, want = (" ".join(name.split()) for name in (got, want))  # U+3000 is a blank like others here
    return got.startswith(want) or (want.startswith(got) and len(got) >= 4)
