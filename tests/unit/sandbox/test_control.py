"""The side door: who may use it, and how rules of the fault plan are ordered there."""

import pytest
from support.sandbox_caller import ANA, SteppedClock

from afpd.sandbox import Sandbox
from afpd.sandbox.answers import Refusal
from afpd.sandbox.control import control


@pytest.fixture
def sandbox(clock: SteppedClock) -> Sandbox:
    sandbox = Sandbox(clock=clock)
    sandbox.add_user(ANA)
    return sandbox


@pytest.mark.parametrize("remote", ["203.0.113.9", "2001:db8::1", ""])
def test_strangers_are_refused(remote: str, sandbox: Sandbox) -> None:
    with pytest.raises(Refusal) as refused:
        control(sandbox, "GET", "/sandbox/stats", remote, b"")
    assert refused.value.code == 403


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.8.0.9", "::1"])
def test_callers_on_this_machine_are_served(remote: str, sandbox: Sandbox) -> None:
    assert control(sandbox, "GET", "/sandbox/mails", remote, b"").body == b'{"mails":[]}'


def test_unknown_places_and_broken_orders_are_refused(sandbox: Sandbox) -> None:
    for verb, path, code in (("GET", "/sandbox/none", 404), ("POST", "/sandbox/faults", 400)):
        with pytest.raises(Refusal) as refused:
            control(sandbox, verb, path, "127.0.0.1", b"{")
        assert refused.value.code == code


def test_a_rule_for_a_while_and_one_that_comes_back_can_be_ordered(sandbox: Sandbox, clock: SteppedClock) -> None:
    control(sandbox, "POST", "/sandbox/faults", "::1", b'{"faults": ["reset"], "for": 5}')
    control(sandbox, "POST", "/sandbox/faults", "::1", b'{"faults": ["rate_429_timed"], "cycle": [10, 10]}')
    struck = []
    for second in (0, 6, 12, 21):
        clock.elapsed = second
        strike = sandbox.faults.strike("getProfile", ANA)
        struck.append(strike.fault.value if strike else None)
    assert struck == ["reset", "rate_429_timed", None, "rate_429_timed"]
