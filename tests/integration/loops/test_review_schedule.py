"""What follows a visit, and that everything that follows leads on: whatever ends it, the integration is claimed again."""

from datetime import UTC, datetime, timedelta

import pytest
from support.clock import ManualClock
from support.world import world

from afpd.errors import AccessDenied, AccessRevoked, QuotaExhausted, RateLimited, Unavailable
from afpd.sandbox import Fault
from afpd.schedule import Rules, Standing, after_visit, next_on_grid
from afpd.store.claims import run_every

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)
RULES = Rules(timedelta(minutes=1), timedelta(hours=6), timedelta(minutes=1), FIVE)
ANA = "ana@example.com"


@pytest.mark.parametrize("early", [-400, -1, 0, 1, 299, 300, 301, 86400])
def test_the_next_turn_is_the_first_point_of_the_grid_after_now(early):
    due = NOON + timedelta(seconds=early)

    following = next_on_grid(due, FIVE, NOON)

    assert NOON < following <= NOON + FIVE
    assert (following - due) % FIVE == timedelta(0)


def test_what_is_claimed_a_little_early_is_not_claimed_twice_by_one_tick():
    due, not_before = NOON + timedelta(seconds=10), NOON + timedelta(seconds=15)

    state = after_visit(Standing(due, FIVE), None, NOON, RULES, not_before)

    assert state.next_run_at == due + FIVE


@pytest.mark.parametrize(
    "ending",
    [
        None,
        Unavailable("u"),
        RateLimited("r"),
        AccessRevoked("a"),
        QuotaExhausted("q"),
        ValueError("<secret of a mail>"),
    ],
)
@pytest.mark.parametrize("failures", [0, 1, 5, 100, 10**9])
def test_every_end_but_a_persons_matter_has_a_time_within_a_day_at_which_it_goes_on(ending, failures):
    state = after_visit(Standing(NOON, FIVE, failures), ending, NOON, RULES, NOON)

    moment = state.suspend_until if state.import_status == "suspended" else state.next_run_at
    assert state.import_status in ("waiting", "suspended")
    assert moment is not None
    assert moment <= NOON + timedelta(days=1)
    assert "secret" not in (state.error or "")


def test_what_a_person_must_mend_has_no_time():
    state = after_visit(Standing(NOON, FIVE), AccessDenied("scope"), NOON, RULES, NOON)

    assert (state.import_status, state.next_run_at) == ("error", None)


@pytest.mark.parametrize("minutes", [-5, 0, 1, 10**15])
@pytest.mark.parametrize("seconds", [None, 0.0, -30.0, 60.0])
def test_a_frequency_that_somebody_wrote_by_hand_breaks_no_claim(minutes, seconds):
    every = run_every(minutes, seconds)

    assert timedelta(seconds=1) <= every <= timedelta(days=36500)
    assert next_on_grid(NOON, every, NOON) > NOON


async def test_a_rate_limited_mailbox_is_asked_once_in_a_batch_whose_tick_lies_a_little_ahead(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **{"import": {"concurrency": 1}}) as here:
        for address in (ANA, *(f"u{n}@example.com" for n in range(8))):
            await here.connect(address)
        here.sandbox.faults.add(Fault.USER_RATE_403, user=ANA, method="getProfile")

        await here.tick(clock.now() + timedelta(seconds=25))

        assert here.sandbox.traffic.by_user[ANA, "getProfile"] == 1
