"""The fault plan: who is struck, how often, and always in the same way."""

from datetime import timedelta

import orjson
import pytest
from support.sandbox_caller import SteppedClock

from afpd.sandbox.fault_answers import answer_of
from afpd.sandbox.faults import TRANSIENT, Fault, FaultPlan, Strike, applies

ANA, BO = "ana@example.com", "bo@example.com"


@pytest.fixture
def plan(clock: SteppedClock) -> FaultPlan:
    return FaultPlan(clock, seed=3)


def drawn(plan: FaultPlan, times: int, user: str = ANA, method: str = "messages.get") -> list[Fault | None]:
    strikes = [plan.strike(method, user) for _ in range(times)]
    return [strike.fault if strike else None for strike in strikes]


def test_without_rules_nothing_happens(plan: FaultPlan) -> None:
    assert drawn(plan, 5) == [None] * 5


def test_the_first_requests_are_struck_and_then_all_is_well(plan: FaultPlan) -> None:
    plan.add(Fault.SERVER_503, first=2)
    assert drawn(plan, 4) == [Fault.SERVER_503, Fault.SERVER_503, None, None]


def test_some_requests_pass_before_the_fault(plan: FaultPlan) -> None:
    plan.add(Fault.RESET, after=2, first=1)
    assert drawn(plan, 4) == [None, None, Fault.RESET, None]


def test_a_rule_may_concern_one_user_one_method_and_one_message(plan: FaultPlan) -> None:
    plan.add(Fault.SERVER_500, user=ANA, method="messages.get", message_id="m1")
    assert plan.strike("messages.get", BO, "m1") is None
    assert plan.strike("messages.list", ANA) is None
    assert plan.strike("messages.get", ANA, "m2") is None
    assert plan.strike("messages.get", ANA, "m1") == Strike(Fault.SERVER_500, 1.0)


def test_users_are_named_without_regard_to_case(plan: FaultPlan) -> None:
    plan.add(Fault.SLOW, user="Ana@Example.com")
    assert drawn(plan, 1) == [Fault.SLOW]


def test_a_rule_ends_at_its_time(plan: FaultPlan, clock: SteppedClock) -> None:
    plan.add(Fault.RATE_429_TIMED, until=clock.now() + timedelta(seconds=10))
    strike = plan.strike("getProfile", ANA)
    assert strike == Strike(Fault.RATE_429_TIMED, 10.0)
    clock.elapsed = 10
    assert plan.strike("getProfile", ANA) is None


def test_a_cycle_comes_back_and_names_the_end_of_its_window(plan: FaultPlan, clock: SteppedClock) -> None:
    plan.add(Fault.RATE_429_TIMED, cycle=(5, 8))
    seen = []
    for second in (0, 4, 5, 12, 13, 17, 18):
        clock.elapsed = second
        strike = plan.strike("getProfile", ANA)
        seen.append(strike.seconds if strike else None)
    assert seen == [5, 1, None, None, 5, 1, None]


def test_a_share_of_requests_is_touched_and_the_same_ones_each_time(clock: SteppedClock) -> None:
    runs = []
    for _ in range(2):
        plan = FaultPlan(clock, seed=11)
        plan.touch(20)
        runs.append(drawn(plan, 2000))
    assert runs[0] == runs[1]
    assert 340 <= sum(fault is not None for fault in runs[0]) <= 460
    assert len(set(runs[0])) > 10


def test_a_draw_does_not_depend_on_what_other_users_do(clock: SteppedClock) -> None:
    alone, together = FaultPlan(clock, seed=5), FaultPlan(clock, seed=5)
    alone.touch(30)
    together.touch(30)
    mixed = []
    for _ in range(100):
        together.strike("messages.get", BO)
        mixed += drawn(together, 1)
    assert mixed == drawn(alone, 100)


def test_faults_strike_only_where_they_make_sense(plan: FaultPlan) -> None:
    plan.add(Fault.INVALID_GRANT, Fault.HISTORY_EXPIRED, Fault.GONE)
    assert drawn(plan, 1, method="token") == [Fault.INVALID_GRANT]
    assert drawn(plan, 1, method="history.list") == [Fault.HISTORY_EXPIRED]
    assert drawn(plan, 1, method="messages.get") == [Fault.GONE]
    assert drawn(plan, 1, method="getProfile") == [None]


def test_transient_faults_never_lose_mail_or_end_a_grant() -> None:
    assert not {Fault.GONE, Fault.INVALID_GRANT, Fault.INVALID_CLIENT, Fault.DAILY_403} & set(TRANSIENT)
    assert all(applies(fault, "history.list") for fault in TRANSIENT)


def test_a_cleared_plan_is_quiet_and_strikes_stay_counted(plan: FaultPlan) -> None:
    plan.add(Fault.RESET)
    drawn(plan, 3)
    plan.clear()
    assert drawn(plan, 1) == [None]
    assert plan.struck == {Fault.RESET: 3}


REASONS = {
    Fault.RATE_429: (429, "rateLimitExceeded", "usageLimits"),
    Fault.RATE_429_TIMED: (429, "rateLimitExceeded", "usageLimits"),
    Fault.RATE_429_HEADER: (429, "rateLimitExceeded", "usageLimits"),
    Fault.CONCURRENT_429: (429, "rateLimitExceeded", "usageLimits"),
    Fault.RATE_403: (403, "rateLimitExceeded", "usageLimits"),
    Fault.USER_RATE_403: (403, "userRateLimitExceeded", "usageLimits"),
    Fault.DAILY_403: (403, "dailyLimitExceeded", "usageLimits"),
    Fault.NOT_CONFIGURED_403: (403, "accessNotConfigured", "usageLimits"),
    Fault.PERMISSIONS_403: (403, "insufficientPermissions", "global"),
    Fault.DOMAIN_POLICY_403: (403, "domainPolicy", "global"),
    Fault.PRECONDITION_400: (400, "failedPrecondition", "global"),
    Fault.EXPIRED_TOKEN_401: (401, "authError", "global"),
    Fault.SERVER_500: (500, "backendError", "global"),
    Fault.SERVER_503: (503, "backendError", "global"),
    Fault.GONE: (404, "notFound", "global"),
    Fault.HISTORY_EXPIRED: (404, "notFound", "global"),
}


@pytest.mark.parametrize(("fault", "expected"), REASONS.items())
def test_errors_have_the_shape_of_google(fault: Fault, expected: tuple[int, str, str], clock: SteppedClock) -> None:
    answer = answer_of(Strike(fault, 2.0), clock.now())
    error = orjson.loads(answer.body)["error"]
    entry = error["errors"][0]
    assert (answer.status, entry["reason"], entry["domain"]) == expected
    assert error["code"] == answer.status
    assert error["message"] == entry["message"] != ""
    assert error["status"].isupper()


def test_the_time_of_a_rate_limit_stands_in_the_text(clock: SteppedClock) -> None:
    answer = answer_of(Strike(Fault.RATE_429_TIMED, 42.247), clock.now())
    assert orjson.loads(answer.body)["error"]["message"] == (
        "User-rate limit exceeded.  Retry after 2026-11-12T11:16:42.247Z"
    )
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_an_answer_or_acts_elsewhere(fault: Fault, clock: SteppedClock) -> None:
    elsewhere = {
        Fault.TRUNCATED, Fault.CUT, Fault.RESET, Fault.HANG, Fault.SLOW, Fault.HISTORY_DOUBLED, Fault.HISTORY_SHUFFLED,
    }  # fmt: skip
    assert (answer_of(Strike(fault, 1.0), clock.now()) is None) == (fault in elsewhere)
