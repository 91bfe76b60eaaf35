"""What of a daemon's state is worth an alarm."""

from typing import Any

import pytest

from afpd.cli.alarms import Level, alarms, plugin_line

NOW = "2026-01-05T12:00:00Z"


def state(
    integrations: dict[str, int] | None = None, emails: dict[str, int] | None = None, **more: Any
) -> dict[str, Any]:
    counts = {"total": 1000, "active": 1000, "error": 0, "stale": 0, "quiet": 0} | (integrations or {})
    return {"integrations": counts, "emails": emails or {}, "transactions": {}, "loops": {}, "now": NOW} | more


def loop(**more: Any) -> dict[str, Any]:
    return {"import": {"failures_in_a_row": 0, "next_at": NOW, "running": False} | more}


def levels(told: dict[str, Any]) -> list[Level]:
    return [alarm.level for alarm in alarms(told)]


def test_nothing_wrong_is_no_alarm():
    assert alarms(state(loops=loop())) == []


@pytest.mark.parametrize("name", ["error", "stale"])
@pytest.mark.parametrize(
    ("count", "level"), [(9, None), (10, Level.WARNING), (499, Level.WARNING), (500, Level.CRITICAL)]
)
def test_among_many_mailboxes_a_few_are_no_alarm(name, count, level):
    assert levels(state({name: count})) == ([] if level is None else [level])


def test_histories_that_are_refused_warn_from_the_share_on():
    assert levels(state({"history_refused": 9})) == []
    assert levels(state({"history_refused": 600})) == [Level.WARNING]


def test_of_one_mailbox_the_one_counts():
    assert levels(state({"active": 1, "stale": 1})) == [Level.CRITICAL]


def test_without_any_mailbox_nothing_is_stale():
    assert alarms(state({"active": 0, "total": 0})) == []


@pytest.mark.parametrize(
    ("emails", "found"),
    [
        ({"missing": 1}, 1), ({"unknown_sender": 1}, 1), ({"poison": 1}, 1), ({"failed": 1}, 1), ({"unmatched": 9}, 0), ({"unmatched": 10}, 1),
        ({"quarantined": 9}, 0), ({"quarantined": 10}, 1), ({"pending_parsing": 999}, 0), ({"pending_parsing": 1000}, 1),
        ({"parsed_today": 99999}, 0),
    ],
)  # fmt: skip
def test_unread_mails_warn_from_their_limit_on(emails, found):
    assert levels(state(emails=emails)) == [Level.WARNING] * found


@pytest.mark.parametrize(("failures", "expected"), [(1, []), (2, [Level.WARNING]), (3, [Level.CRITICAL])])
def test_a_loop_that_keeps_failing_is_an_alarm(failures, expected):
    assert levels(state(loops=loop(failures_in_a_row=failures))) == expected


@pytest.mark.parametrize(
    ("next_at", "running", "expected"),
    [
        ("2026-01-05T11:55:01Z", False, []),
        ("2026-01-05T11:54:59Z", False, [Level.CRITICAL]),
        ("2026-01-05T11:00:00Z", True, []),
        (None, False, []),
    ],
)
def test_a_loop_that_does_not_start_is_an_alarm(next_at, running, expected):
    assert levels(state(loops=loop(next_at=next_at, running=running))) == expected


def test_a_pause_that_somebody_must_mend_is_worse_than_one_that_ends_by_itself():
    assert levels(state(gmail={"paused_kind": "quota", "paused_reason": "quota", "paused_until": NOW})) == [
        Level.WARNING
    ]
    assert levels(state(gmail={"paused_reason": "client", "paused_until": None})) == [Level.CRITICAL]


def test_tokens_that_cannot_be_had_warn_unless_nobody_is_visited_anyway():
    assert levels(state(gmail={"tokens_trouble": "HTTP 503"})) == [Level.WARNING]
    assert levels(state(gmail={"paused_reason": "client", "tokens_trouble": "HTTP 503"})) == [Level.CRITICAL]


def test_the_worst_stands_first():
    told = state({"error": 10}, {"missing": 2}, clock_skew_seconds=-150.0, gmail={"paused_reason": "client"})
    assert levels(told) == [Level.CRITICAL, Level.WARNING, Level.WARNING, Level.WARNING]


def test_a_plugin_line_keeps_its_one_bar_for_the_figures():
    told = state({}, {"failed": 1})
    line = plugin_line(Level.WARNING, "a|b", told)
    assert line.startswith("AFPD WARNING - a/b | integrations_total=1000 ")
    assert line.count("|") == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            "cr-bac: 40% of the mails are read instead of 99%, since 2026-01-05; example: mail 12 of `afpd triage list`",
        ),
        ({"template": "card"}, "and template card is missed most, since"),
        ({"kind": "failing", "template": "card"}, "cr-bac: template card reads 40% of its mails instead of 99%"),
        ({"kind": "silent", "template": "card", "example_id": None}, "template card reads nothing any more"),
    ],
)
def test_a_match_rate_that_fell_warns_in_words(changes, words):
    fall = {"kind": "unread", "bank": "cr-bac", "template": None, "rate": 0.4, "usual_rate": 0.99} | {
        "since": "2026-01-05",
        "example_id": 12,
    }
    (alarm,) = alarms(state(drift=[fall | changes]))
    assert alarm.level is Level.WARNING
    assert words in alarm.why
