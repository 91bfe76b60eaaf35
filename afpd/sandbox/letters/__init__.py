"""Letters: mails in the real layouts of Costa Rican banks, with invented data, and what each must become.

    letter = write("cr-bac-card", random.Random(1), when, "ana@example.com", serial=1)
    letter.raw            # RFC 822 bytes: the bank's MIME under Gmail's headers, DMARC passing for the bank's domain
    letter.expected       # the transaction's record (`Transaction.as_record`), or None when the mail tells none
    layouts()             # all layouts by name; MONEY, QUIET and PRIVATE are their kinds

References and Message-IDs are unique as long as serials are.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from afpd.sandbox.letters.envelope import sealed
from afpd.sandbox.letters.layout import Layout, filled, layouts
from afpd.sandbox.letters.values import COSTA_RICA, Invented, invent

__all__ = ["MONEY", "PRIVATE", "QUIET", "Letter", "layouts", "write"]

MONEY = tuple(name for name, layout in layouts().items() if layout.record)
"""Layouts that tell a transaction."""
QUIET = tuple(name for name, layout in layouts().items() if layout.bank and not layout.record)
"""Mails of banks that tell none."""
PRIVATE = tuple(name for name, layout in layouts().items() if not layout.bank)
"""Mails of nobody's bank: they must never be downloaded."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail and what it must become. `outcome` is success, ignored, or none where only the absence of money counts."""

    layout: str
    bank: str | None
    outcome: str
    raw: bytes
    received_at: datetime
    message_id: str
    expected: dict[str, Any] | None

    def note(self) -> dict[str, Any]:
        """Return what a checker needs to know of it."""
        return {
            "layout": self.layout,
            "bank": self.bank,
            "outcome": self.outcome,
            "rfc_message_id": self.message_id,
            "transactions": [self.expected] if self.expected else [],
        }


def write(layout: str, random: Random, when: datetime, to: str, *, serial: int) -> Letter:
    """Write one letter in a layout for the address `to`.

    `when` (aware) is both the movement's time and the receive time, cut to the second. Raises KeyError for an unknown
    layout.
    """
    chosen = layouts()[layout]
    moment = when.astimezone(UTC).replace(microsecond=0)
    told = invent(chosen, random, moment, to, serial)
    message_id = f"{serial}.{int(moment.timestamp())}.{random.getrandbits(48):x}@{chosen.address.partition('@')[2]}"
    subject, body = filled(chosen.subject, told.texts), filled(chosen.body, told.texts)
    raw = sealed(chosen, subject, body, to, moment, message_id)
    return Letter(layout, chosen.bank, chosen.outcome, raw, moment, message_id, _record(chosen, told))


def _record(layout: Layout, told: Invented) -> dict[str, Any] | None:
    if not (record := layout.record):
        return None
    local = told.local.astimezone(COSTA_RICA)
    occurred_at = {
        "second": local.isoformat(),
        "minute": local.replace(second=0).isoformat(),
        "day": local.date().isoformat(),
    }[record.get("precision", "minute")]
    fields = ("merchant", "account", "reference", "authorization")
    return {
        "kind": record["kind"],
        "direction": record.get("direction", "debit"),
        "status": record.get("status", "approved"),
        "amount": f"{told.amount:.2f}",
        "currency": "CRC",
        "occurred_at": occurred_at,
        "dated_by": record.get("dated_by", "body"),
    } | {name: " ".join(told.texts[record[name]].split()) if name in record else None for name in fields}
