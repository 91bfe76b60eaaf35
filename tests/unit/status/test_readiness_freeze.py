"""Green ticks that come to nothing: readiness looks at what they are for."""

from datetime import UTC, datetime, timedelta

from afpd.model import Counts, EmailCounts, IntegrationCounts, LoopState
from afpd.status import Watched, judge

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


async def failing(*, is_alive: bool = True, parsed: int = 3, **counted: object) -> dict[str, str]:
    """Return why checks fail, by name; all loops tick and end well."""
    counts = Counts(IntegrationCounts(total=5), EmailCounts(), **counted)  # type: ignore[arg-type]
    state = LoopState(last_finished_at=NOW, last={"emails_parsed": parsed})
    loops = {name: Watched(state, 5 * MINUTES, is_alive) for name in ("import", "parsing", "cleanup")}

    async def well() -> None:
        pass

    async def count() -> Counts:
        return counts

    judged = await judge(loops, now=NOW, started_at=NOW - 1000 * MINUTES, ask_database=well, pause=None, count=count)
    return {check.name: check.why for check in judged.checks if not check.ok}


async def test_ticks_that_verify_nobody_are_a_freeze() -> None:
    told = await failing(overdue=3, verified_at=NOW - 16 * MINUTES)
    assert list(told) == ["verification"]
    assert "3 are overdue" in told["verification"]


async def test_one_integration_in_trouble_among_others_is_none() -> None:
    assert await failing(overdue=3, verified_at=NOW - MINUTES) == {}


async def test_nobody_overdue_is_none() -> None:
    assert await failing(overdue=0, verified_at=NOW - 100 * MINUTES) == {}


async def test_never_having_verified_anybody_counts_from_the_start() -> None:
    assert list(await failing(overdue=1, verified_at=None)) == ["verification"]


async def test_mails_that_wait_while_ticks_read_none_are_a_freeze() -> None:
    assert list(await failing(pending_since=NOW - 16 * MINUTES, parsed=0)) == ["reading"]
    assert await failing(pending_since=NOW - 16 * MINUTES, parsed=1) == {}
    assert await failing(pending_since=NOW - 14 * MINUTES, parsed=0) == {}


async def test_a_loop_without_a_sign_of_life_is_not_ready() -> None:
    assert (await failing(is_alive=False))["cleanup"] == "no sign of life"
