"""What follows from trouble with access tokens."""

from datetime import UTC, datetime, timedelta

from afpd.errors import EndpointDown, Unavailable
from afpd.model import ImportStatus
from afpd.schedule import Next, Rules, Standing, after_visit, undecided

NOW = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = Rules(MINUTE, 60 * MINUTE, MINUTE, 5 * MINUTE)
STANDING = Standing(NOW - MINUTE, 5 * MINUTE, failures_in_a_row=2, revoked_since=NOW - 3 * MINUTE)


def test_an_endpoint_that_is_down_counts_nothing_against_the_integration() -> None:
    found = after_visit(STANDING, EndpointDown("down", NOW + 2 * MINUTE), NOW, RULES, not_before=NOW)
    expected = Next(ImportStatus.WAITING, NOW + 2 * MINUTE, 2, revoked_since=NOW - 3 * MINUTE, error="down")
    assert found == expected


def test_a_visit_in_this_batch_is_not_followed_by_another_in_it() -> None:
    found = after_visit(STANDING, EndpointDown("down", NOW), NOW, RULES, not_before=NOW + MINUTE)
    assert found.next_run_at is not None
    assert found.next_run_at > NOW + MINUTE


def test_a_time_that_was_named_is_waited_for_when_it_is_later_than_the_backoff() -> None:
    for until, pause in ((NOW + MINUTE, 4 * MINUTE), (NOW + 9 * MINUTE, 9 * MINUTE), (None, 4 * MINUTE)):
        found = after_visit(STANDING, Unavailable("429", until), NOW, RULES, not_before=NOW)
        assert found.next_run_at == NOW + pause
        assert found.failures_in_a_row == 3


def test_a_time_beyond_a_day_is_not_believed() -> None:
    found = after_visit(STANDING, Unavailable("429", NOW + timedelta(days=400)), NOW, RULES, not_before=NOW)
    assert found.next_run_at == NOW + timedelta(days=1)


def test_an_undecided_visit_changes_nothing_but_its_turn() -> None:
    assert undecided(STANDING, NOW + MINUTE) == Next(
        ImportStatus.WAITING, NOW + MINUTE, 2, revoked_since=NOW - 3 * MINUTE
    )
