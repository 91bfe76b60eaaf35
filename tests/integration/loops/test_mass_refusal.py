"""Many grants of a batch are called invalid at once: nobody is believed, and nobody is sent to sign in."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs
from support.clock import ManualClock
from support.world import world

from afpd.loops import holding
from afpd.sandbox import Fault
from afpd.store import schema

MINUTES = timedelta(minutes=1)


async def people(here, count: int) -> list[int]:
    return [await here.connect(f"user{number}@example.com") for number in range(count)]


def refuse(here, count: int) -> None:
    for number in range(count):
        here.sandbox.faults.add(Fault.INVALID_GRANT, method="token", user=f"user{number}@example.com")


async def states(here, keys) -> list[tuple[object, ...]]:
    rows = [await here.integration(key) for key in keys]
    return [(row.import_status, row.failures_in_a_row, row.revoked_since, row.last_error_message) for row in rows]


UNCHANGED = ("waiting", 0, None, None)


async def test_more_than_a_tenth_and_at_least_five_change_no_state_and_are_one_loud_line(tmp_path):
    async with world(tmp_path) as here:
        keys = await people(here, 30)
        refuse(here, 5)
        with capture_logs() as told:
            result = await here.tick()

        assert await states(here, keys) == [UNCHANGED] * 30
        loud = [one for one in told if one["log_level"] in ("warning", "error")]
        assert [one["event"] for one in loud] == ["gmail.grants_doubted"]
        assert "5 of 30 refreshes" in loud[0]["reason"]
        assert (result["integrations_processed"], result["errors"], result["skipped"]) == (25, 0, 5)
        again = [(await here.integration(key)).next_run_at - here.clock.now() for key in keys[:5]]
        assert all(29 * MINUTES < pause < 91 * MINUTES for pause in again)
        assert len(set(again)) == 5


@pytest.mark.parametrize(("users", "refused"), [(30, 4), (50, 5)])
async def test_fewer_than_five_or_not_more_than_a_tenth_are_believed(tmp_path, users, refused):
    async with world(tmp_path) as here:
        keys = await people(here, users)
        refuse(here, refused)
        await here.tick()

        found = await states(here, keys)
        assert all(one[0] == "waiting" and one[1] == 1 and one[2] is not None for one in found[:refused])
        assert found[refused:] == [UNCHANGED] * (users - refused)
        assert here.parts.doubt.reason is None


async def test_an_episode_begins_and_ends_with_one_line_each(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        keys = await people(here, 8)
        refuse(here, 8)
        with capture_logs() as told:
            for _ in range(3):
                await here.tick()
                await clock.advance(7200)
            here.sandbox.faults.clear()
            await here.tick()
            await clock.advance(7200)
            await here.tick()

        assert await states(here, keys) == [UNCHANGED] * 8
        events = [one["event"] for one in told if one["event"].startswith("gmail.grants")]
        assert events == ["gmail.grants_doubted", "gmail.grants_believed"]


async def test_a_first_refusal_that_is_known_already_is_not_confirmed_by_a_doubted_batch(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        keys = await people(here, 8)
        refuse(here, 1)
        await here.tick()
        since = (await here.integration(keys[0])).revoked_since
        assert since is not None
        async with here.database.write() as connection:
            await connection.execute(update(schema.integrations).values(access_token_expires_at=None))
        refuse(here, 8)
        await clock.advance(600)
        await here.tick()

        row = await here.integration(keys[0])
        assert (row.import_status, row.revoked_since, row.failures_in_a_row) == ("waiting", since, 1)


async def test_what_is_held_back_is_bounded_and_not_longer_than_half_a_lease(tmp_path, monkeypatch):
    monkeypatch.setattr(holding, "MOST_HELD", 6)
    async with world(tmp_path, **{"import": {"concurrency": 1}}) as here:
        keys = await people(here, 15)
        refuse(here, 15)
        await here.tick()
        assert await states(here, keys) == [UNCHANGED] * 15
        assert here.sandbox.traffic.requests["token"] == 15


async def test_mail_that_came_before_the_refusal_is_kept(tmp_path):
    async with world(tmp_path, **{"import": {"concurrency": 8}}) as here:
        keys = await people(here, 6)
        await here.tick()
        mails = [here.receive(f"user{number}@example.com") for number in range(6) for _ in range(2)]
        for number in range(6):
            user = f"user{number}@example.com"
            here.sandbox.faults.add(Fault.EXPIRED_TOKEN_401, method="messages.get", user=user, after=1, first=1)
            here.sandbox.faults.add(Fault.INVALID_GRANT, method="token", user=user)
        await here.tick(here.clock.now() + 5 * MINUTES)

        assert await states(here, keys) == [UNCHANGED] * 6
        assert here.parts.doubt.reason is not None
        kept = set(await here.kept())
        assert kept
        assert kept < set(mails)
