"""The model of quota.py beside the importer itself: the same lives of mailboxes, delivered to a sandbox, in virtual time.

Prints units per integration and day as the sandbox charged them, and as the model says. Run by `make bench-quota`.
"""

import asyncio
import random
import statistics
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.quota import Cost, Life, follow, live
from sqlalchemy import select
from support.clock import ManualClock
from support.world import World, world

from afpd.schedule import Cadence
from afpd.store import schema

MAILBOXES, FEW_DAYS = 8, 2
BURST = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0


async def main() -> None:
    """Run both and print them beside each other."""
    lives = {f"user{number}@example.com": live(random.Random(number), BURST) for number in range(MAILBOXES)}
    clock = ManualClock(datetime.fromisoformat("2026-01-05T06:00:00+00:00"))
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), clock=clock, **{"import": {"adaptive": True}}) as here:
            units, seen = await _follow(here, clock, lives)
    model = _model(here, lives)
    share = MAILBOXES * FEW_DAYS
    print(f"importer: {_line(units, share)}  median {statistics.median(seen):.1f}m  {len(seen)} bank mails")
    print(f"model:    {_line(model.units, share)}  median {statistics.median(d for d, _ in model.delays):.1f}m")


async def _follow(here: World, clock: ManualClock, lives: dict[str, Life]) -> tuple[Counter[str], list[float]]:
    for address in lives:
        await here.connect(address)
    await here.tick()  # the first import is no part of a day
    before, began = Counter(here.sandbox.meter.by_method), clock.now()
    pending = {address: (list(life.mails), list(life.sittings)) for address, life in lives.items()}
    delivered: dict[str, datetime] = {}
    for tick in range(1, FEW_DAYS * 288):
        now = began + timedelta(minutes=5 * tick)
        while clock.now() < now:
            clock.jump(60)
            await clock.advance(0)
            _happen(here, pending, (clock.now() - began).total_seconds() / 60, delivered)
        await here.tick()
    jobs = schema.email_parsing_jobs.c
    rows = await here.rows(select(jobs.email_message_id, jobs.created_at))
    seen = [(row.created_at - delivered[row.email_message_id]).total_seconds() / 60 for row in rows]
    return Counter(here.sandbox.meter.by_method) - before, seen


def _happen(
    here: World, pending: dict[str, tuple[list[tuple[float, bool]], list[float]]], minute: float, delivered: dict
) -> None:
    for address, (mails, sittings) in pending.items():
        while mails and mails[0][0] <= minute:
            _, is_banks = mails.pop(0)
            key = here.receive(address, "cr-bac-card" if is_banks else "private-lunch")
            if is_banks:
                delivered[key] = here.clock.now()
        while sittings and sittings[0] <= minute:
            sittings.pop(0)
            mailbox = here.sandbox.mailboxes[address]
            if mailbox.messages:
                mailbox.add_label(next(reversed(mailbox.messages)), f"Label_{len(sittings)}")


def _model(here: World, lives: dict[str, Life]) -> Cost:
    imports, whole = here.settings.imports, Cost()
    for life in lives.values():
        limit = FEW_DAYS * 24 * 60
        short = Life([one for one in life.mails if one[0] < limit], [one for one in life.sittings if one < limit])
        cost = follow(short, Cadence(True, imports.idlest), here.settings.gmail.budget, here.settings, 5.0, limit)
        whole.units += cost.units
        whole.delays += cost.delays
    return whole


def _line(units: Counter[str], share: int) -> str:
    parts = "  ".join(f"{method} {count / share:.0f}" for method, count in sorted(units.items()))
    return f"{sum(units.values()) / share:.0f} units per integration and day: {parts}"


if __name__ == "__main__":
    asyncio.run(main())
