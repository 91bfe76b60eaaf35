"""The likely cause of a lost grant, from what is known of it."""

from datetime import UTC, datetime, timedelta

import pytest

from afpd.loops.causes import Cause, likely_cause, words_for

NOW = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("told", "granted", "verified", "cause"),
    [
        ("", 7 * DAY + HOUR, HOUR, Cause.TESTING),
        ("", 8 * DAY, 3 * HOUR, Cause.TESTING),
        ("", 3 * DAY, HOUR, Cause.WITHDRAWN),
        ("", 9 * DAY, HOUR, Cause.WITHDRAWN),
        ("", 400 * DAY, HOUR, Cause.WITHDRAWN),
        ("", 400 * DAY, 200 * DAY, Cause.UNUSED),
        ("", 200 * DAY, None, Cause.UNUSED),
        ("", None, None, Cause.WITHDRAWN),
        ("", None, 190 * DAY, Cause.UNUSED),
        ("invalid_rapt", 7 * DAY, HOUR, Cause.POLICY),
        ("admin_policy_enforced", 90 * DAY, HOUR, Cause.POLICY),
    ],
)
def test_the_age_of_the_grant_and_google_s_words_decide(told, granted, verified, cause):
    found = likely_cause(
        told,
        granted_at=None if granted is None else NOW - granted,
        verified_at=None if verified is None else NOW - verified,
        refused_at=NOW,
    )
    assert found is cause


@pytest.mark.parametrize("cause", Cause)
def test_the_row_gets_a_short_sentence_and_the_advice_says_what_to_do(cause):
    assert "invalid_grant" in words_for("", cause)
    assert len(words_for("invalid_rapt", cause)) < 160
    assert "integrations connect" in cause.advice
