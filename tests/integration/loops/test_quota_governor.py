"""The quota against a sandbox that enforces Google's: nobody eats the minute, the day is kept, everything recovers."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs
from support.clock import ManualClock
from support.world import world

from afpd.loops.gate import Gate
from afpd.loops.governor import Governor
from afpd.loops.importing import Importing
from afpd.loops.ledger import take_over_quota
from afpd.sandbox import Fault, Sandbox
from afpd.sandbox.quota import Meter, Table
from afpd.store import schema

FIVE = timedelta(minutes=5)
HUGE = "huge@example.com"
ANA = "ana@example.com"
# Half an hour before midnight in Pacific time, in winter and in summer.
BEFORE_MIDNIGHT = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
MORNING = datetime(2026, 1, 5, 16, tzinfo=UTC)


def strict(clock, *, user=6000, minute=1_200_000, day=80_000_000):
    """A sandbox that refuses what is over these budgets."""
    sandbox = Sandbox(clock=clock, seed=7)
    sandbox.meter = Meter(Table(sandbox.meter.table.units, user, minute, day), enforced=True)
    budgets = {"user_units_per_minute": user, "project_units_per_minute": minute, "project_units_per_day": day}
    return sandbox, budgets


def after_restart(here):
    """The import loop of a process that knows only what is in the database."""
    governor = Governor(here.clock, lambda: here.settings.gmail.budget)
    here.__dict__.pop("importing", None)
    parts = here.parts.__class__(
        here.database, lambda: here.gmail, here.keyring, here.clock, here.identity, Gate(), here.parts.skew, here.stop,
        lambda: None, governor=governor,
    )  # fmt: skip
    importing = Importing(parts, lambda: here.settings, lambda: here.library.senders, here.pending.append)
    return governor, parts.gate, importing


async def spent_days(here):
    return {row.day: row.units for row in await here.rows(select(schema.quota_days))}


async def passing(clock, awaitable):
    """Await something while virtual seconds pass whenever somebody sleeps."""
    task = asyncio.ensure_future(awaitable)
    while not task.done():
        await asyncio.sleep(0.002)
        if clock.is_slept_on:
            await clock.advance(1)
    return await task


async def test_a_huge_first_import_makes_no_regular_visit_late(tmp_path):
    clock = ManualClock(MORNING)
    sandbox, budgets = strict(clock, minute=400)
    async with world(tmp_path, clock=clock, sandbox=sandbox, gmail=budgets) as here:
        regular = [await here.connect(f"user{n}@example.com") for n in range(50)]
        for number in range(3):  # their own first imports
            await passing(clock, here.tick())
            await clock.advance((MORNING + (number + 1) * FIVE - clock.now()).total_seconds())
        assert all([(await here.integration(key)).last_verified_at for key in regular])
        sandbox.add_user(HUGE)
        for _ in range(60):
            here.receive(HUGE)
        await here.connect(HUGE)
        mails = []
        for number in range(12):
            due = clock.now()
            mails.append(here.receive(f"user{number}@example.com"))
            await passing(clock, here.tick())
            for key in regular:
                row = await here.integration(key)
                assert row.last_verified_at >= due, "a regular mailbox was not visited at its turn"
                assert row.failures_in_a_row == 0
            assert set(mails) <= set(await here.kept())
            await clock.advance(max(0.0, (due + FIVE - clock.now()).total_seconds()))

        assert len(await here.kept()) == 72
        assert here.parts.gate.reason is None


async def test_a_restart_in_the_middle_of_the_day_keeps_the_count(tmp_path):
    clock = ManualClock(MORNING)
    async with world(tmp_path, clock=clock) as here:
        await take_over_quota(here.database, here.parts.governor, here.parts.gate, clock.now())
        here.receive(await connected(here, ANA))
        await here.tick()
        spent = here.sandbox.units
        assert await spent_days(here) == {"2026-01-05": spent}

        await clock.advance(3600)
        governor, gate, importing = after_restart(here)
        await take_over_quota(here.database, governor, gate, clock.now())
        assert governor.report(active=1)["units_day"] == spent
        await importing.tick(clock.now())

        assert await spent_days(here) == {"2026-01-05": here.sandbox.units}
        assert governor.day.counted_since == MORNING


async def connected(here, address):
    await here.connect(address)
    return address


@pytest.mark.parametrize(
    ("night", "days"),
    [
        (datetime(2026, 1, 5, 7, 58, tzinfo=UTC), ("2026-01-04", "2026-01-05")),
        (datetime(2026, 7, 5, 6, 58, tzinfo=UTC), ("2026-07-04", "2026-07-05")),
        (datetime(2026, 3, 9, 6, 58, tzinfo=UTC), ("2026-03-08", "2026-03-09")),  # the short day
        (datetime(2026, 11, 2, 7, 58, tzinfo=UTC), ("2026-11-01", "2026-11-02")),  # the long one
    ],
)
async def test_units_belong_to_the_pacific_day_that_spent_them(tmp_path, night, days):
    clock = ManualClock(night)
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        before = here.sandbox.units
        await clock.advance(300)
        await here.tick()

        assert await spent_days(here) == {days[0]: before, days[1]: here.sandbox.units - before}


async def test_a_day_that_google_ends_stops_all_with_one_line_until_the_turn_also_after_a_restart(tmp_path):
    clock = ManualClock(BEFORE_MIDNIGHT)
    async with world(tmp_path, clock=clock) as here:
        keys = [await here.connect(f"user{n}@example.com") for n in range(20)]
        await here.tick()
        await clock.advance(300)
        rule = here.sandbox.faults.add(Fault.DAILY_403)
        with capture_logs() as lines:
            await here.tick()
            refused = here.sandbox.faults.struck[Fault.DAILY_403]
            for _ in range(2):
                await clock.advance(300)
                await here.tick()
        assert [line["event"] for line in lines if line["log_level"] == "error"] == ["gmail.project_paused"]
        assert here.sandbox.faults.struck[Fault.DAILY_403] == refused

        governor, gate, importing = after_restart(here)
        await take_over_quota(here.database, governor, gate, clock.now())
        await importing.tick(clock.now())
        assert here.sandbox.faults.struck[Fault.DAILY_403] == refused
        assert gate.until == datetime(2026, 1, 5, 8, tzinfo=UTC)

        here.sandbox.faults.rules.remove(rule)
        await clock.advance(900)
        mail = here.receive("user3@example.com")
        await importing.tick(clock.now())
        assert mail in await here.kept()
        assert gate.reason is None
        assert {(await here.integration(key)).failures_in_a_row for key in keys} == {0}
        fresh, again, _ = after_restart(here)
        await take_over_quota(here.database, fresh, again, clock.now())
        assert again.reason is None


@pytest.mark.parametrize("fault", [Fault.NOT_CONFIGURED_403, Fault.INVALID_CLIENT, Fault.DAILY_403])
async def test_what_concerns_the_project_is_tried_by_one_visit_at_a_time_and_recovers_by_itself(tmp_path, fault):
    clock = ManualClock(MORNING)
    async with world(tmp_path, clock=clock) as here:
        keys = [await here.connect(f"user{n}@example.com") for n in range(15)]
        rule = here.sandbox.faults.add(fault)
        with capture_logs() as lines:
            await here.tick()
            first = here.sandbox.faults.struck[fault]
            await clock.advance((here.parts.gate.until - clock.now()).total_seconds() + 1)
            await here.tick()
            assert here.sandbox.faults.struck[fault] - first == 1
            here.sandbox.faults.rules.remove(rule)
            await clock.advance((here.parts.gate.until - clock.now()).total_seconds() + 1)
            await here.tick()
        loud = [line["event"] for line in lines if line["event"].startswith("gmail.project")]
        assert loud == ["gmail.project_paused", "gmail.project_resumed"]
        rows = [await here.integration(key) for key in keys]
        assert {row.import_status for row in rows} == {"waiting"}
        assert all(row.last_verified_at for row in rows)


async def test_our_own_count_ends_the_day_before_google_refuses(tmp_path):
    clock = ManualClock(BEFORE_MIDNIGHT)
    sandbox, budgets = strict(clock, day=60)
    async with world(tmp_path, clock=clock, sandbox=sandbox, gmail=budgets) as here:
        for n in range(20):
            await here.connect(f"user{n}@example.com")
        await here.tick()

        assert sandbox.units <= 60
        assert here.parts.gate.kind == "quota"
        await clock.advance(1801)
        mail = here.receive("user3@example.com")
        sandbox.meter.enforced = False
        here.settings = here.settings.model_copy(
            update={"gmail": here.settings.gmail.model_copy(update={"project_units_per_day": 0})}
        )
        here.settings.gmail.__dict__.pop("budget", None)
        await here.tick()
        assert mail in await here.kept()


async def test_pressure_of_the_day_stretches_the_cadence_and_releases_it(tmp_path):
    clock = ManualClock(MORNING)
    async with world(
        tmp_path, clock=clock, gmail={"project_units_per_day": 1700}, **{"import": {"adaptive": True}}
    ) as here:
        keys = [await here.connect(f"user{n}@example.com") for n in range(10)]
        stretched = 0
        for _ in range(36):
            for n in range(10):
                here.receive(f"user{n}@example.com", "private-lunch")
            await here.tick()
            stretched += here.parts.governor.stretch > 1.0
            await clock.advance(300)
        row = await here.integration(keys[0])
        assert stretched > 10
        assert row.next_run_at - row.last_run_at > FIVE
        assert here.parts.gate.reason is None

        here.settings = here.settings.model_copy(
            update={"gmail": here.settings.gmail.model_copy(update={"project_units_per_day": 80_000_000})}
        )
        here.settings.gmail.__dict__.pop("budget", None)
        await here.tick()
        assert here.parts.governor.stretch == 1.0
