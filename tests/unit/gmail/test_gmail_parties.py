"""Whom Google refuses: the operator's client, a domain's delegation, or one grant alone. Never a user."""

import pytest
from structlog.testing import capture_logs
from support.clock import ManualClock

from afpd.errors import ClientRejected, EndpointDown
from afpd.gmail.parties import Parties

CLIENT, DOMAIN, OTHER = "client", "@example.com", "@example.org"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def parties(clock: ManualClock) -> Parties:
    return Parties(clock)


def test_the_only_party_that_is_refused_stops_everybody(parties: Parties) -> None:
    assert type(parties.refused(CLIENT, "invalid_client")) is ClientRejected
    parties.worked(CLIENT)
    assert type(parties.refused(CLIENT, "invalid_client")) is ClientRejected


def test_a_domain_that_is_refused_while_others_work_rests_alone_and_nobody_else(parties: Parties) -> None:
    parties.worked(CLIENT)
    assert type(parties.refused(DOMAIN, "no delegation")) is EndpointDown
    with pytest.raises(EndpointDown, match="no delegation"):
        parties.admit(DOMAIN)
    parties.admit(CLIENT)
    parties.admit(OTHER)


async def test_a_resting_party_is_asked_again_by_itself(parties: Parties, clock: ManualClock) -> None:
    parties.worked(CLIENT)
    parties.refused(DOMAIN, "no delegation")
    await clock.advance(300)
    parties.admit(DOMAIN)


async def test_what_worked_long_ago_proves_nothing(parties: Parties, clock: ManualClock) -> None:
    parties.worked(CLIENT)
    await clock.advance(3601)
    assert type(parties.refused(DOMAIN, "no delegation")) is ClientRejected
    assert not parties.is_alone(CLIENT, b"1")


def test_a_grant_that_a_working_client_may_not_use_is_alone_until_several_in_a_row_are_refused(
    parties: Parties,
) -> None:
    parties.worked(CLIENT)
    assert [parties.is_alone(CLIENT, key) for key in (b"1", b"1", b"1", b"2", b"3")] == [True, True, True, True, False]


def test_a_success_ends_the_row(parties: Parties) -> None:
    for key in (b"1", b"2", b"3", b"4"):
        parties.worked(CLIENT)
        assert parties.is_alone(CLIENT, key)


def test_an_episode_of_a_party_is_two_lines_in_the_log(parties: Parties) -> None:
    parties.worked(CLIENT)
    with capture_logs() as told:
        for _ in range(3):
            parties.refused(DOMAIN, "no delegation")
        parties.worked(DOMAIN)
        parties.worked(DOMAIN)
    assert [one["event"] for one in told] == ["gmail.party_paused", "gmail.party_resumed"]


def test_the_memory_of_parties_is_bounded(parties: Parties) -> None:
    for number in range(3000):
        parties.worked(f"@{number}.example")
    parties.admit("@2999.example")
    assert len(parties._parties) <= 1000
