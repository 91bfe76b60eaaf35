"""Access tokens: one request however many ask, none again after a failure, and nothing to see."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from afpd.errors import AccessRevoked, Unavailable
from afpd.gmail.access import Access, Renewed
from afpd.gmail.issued import Issued, margin

NOW = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=55)


class Desk:
    """Issues numbered tokens, slowly, or fails."""

    def __init__(self, failure: Exception | None = None, rotated: str | None = None) -> None:
        self.asked: list[str] = []
        self.failure = failure
        self.rotated = rotated

    async def renew(self, refresh_token: str) -> Issued:
        self.asked.append(refresh_token)
        await asyncio.sleep(0.01)
        if self.failure:
            raise self.failure
        return Issued(f"token-{len(self.asked)}", LATER, self.rotated)


async def test_a_token_that_still_holds_is_used_without_asking() -> None:
    desk = Desk()
    access = Access("refresh", "stored", NOW + timedelta(seconds=1))
    assert await access.current(desk.renew, NOW) == "stored"
    assert desk.asked == []
    assert access.renewed is None


@pytest.mark.parametrize(
    ("token", "expires_at"),
    [(None, None), ("stored", None), ("stored", NOW), (None, LATER), ("", LATER), ("a\r\nb", LATER)],
)
async def test_a_missing_old_or_unusable_token_is_renewed(token: str | None, expires_at: datetime | None) -> None:
    desk = Desk()
    assert await Access("refresh", token, expires_at).current(desk.renew, NOW) == "token-1"


async def test_many_who_ask_at_once_send_one_request() -> None:
    desk = Desk()
    access = Access("refresh")
    tokens = await asyncio.gather(*(access.current(desk.renew, NOW) for _ in range(20)))
    assert tokens == ["token-1"] * 20
    assert desk.asked == ["refresh"]


async def test_many_whose_token_was_refused_send_one_request() -> None:
    desk = Desk()
    access = Access("refresh", "stored", LATER)
    tokens = await asyncio.gather(*(access.current(desk.renew, NOW, refused="stored") for _ in range(20)))
    assert set(tokens) == {"token-1"}
    assert len(desk.asked) == 1


@pytest.mark.parametrize("failure", [Unavailable("down"), AccessRevoked("gone")])
async def test_after_a_failure_nobody_asks_again_within_the_visit(failure: Exception) -> None:
    desk = Desk(failure)
    access = Access("refresh")
    ended = await asyncio.gather(*(access.current(desk.renew, NOW) for _ in range(5)), return_exceptions=True)
    with pytest.raises(type(failure)):
        await access.current(desk.renew, NOW)
    assert len(desk.asked) == 1
    assert {type(one) for one in ended} == {type(failure)}


async def test_a_cancelled_renewal_leaves_the_way_free_for_the_next() -> None:
    desk = Desk()
    access = Access("refresh")
    first = asyncio.create_task(access.current(desk.renew, NOW))
    await asyncio.sleep(0)
    first.cancel()
    assert await access.current(desk.renew, NOW) == "token-2"


async def test_what_was_renewed_can_be_kept_and_used_by_the_next_visit() -> None:
    desk = Desk()
    access = Access("refresh")
    await access.current(desk.renew, NOW)
    assert access.renewed == Renewed("token-1", LATER)
    following = Access("refresh", access.renewed.access_token, access.renewed.expires_at)
    assert await following.current(desk.renew, LATER - timedelta(seconds=1)) == "token-1"


async def test_a_rotated_refresh_token_is_used_and_read_back_even_after_a_renewal_without_one() -> None:
    desk = Desk(rotated="new-refresh")
    access = Access("refresh")
    await access.current(desk.renew, NOW)
    desk.rotated = None
    await access.current(desk.renew, NOW, refused="token-1")
    assert desk.asked == ["refresh", "new-refresh"]
    assert access.renewed == Renewed("token-2", LATER, "new-refresh")


async def test_the_header_is_google_auth_s() -> None:
    headers: dict[str, str] = {}
    await Access("refresh", "stored", LATER).apply(headers)
    assert headers == {"authorization": "Bearer stored"}


def test_nothing_shows_what_is_secret() -> None:
    access = Access("s3cret-refresh", "s3cret-access", NOW)
    access.renewed = Renewed("s3cret-new", NOW, "s3cret-rotated")
    shown = f"{access!r} {access} {access.renewed!r} {Issued('s3cret-x', NOW, 's3cret-y')!r}"
    assert "s3cret" not in shown


def test_an_hour_s_token_is_renewed_about_five_minutes_early_each_at_another_moment() -> None:
    margins = [margin(timedelta(hours=1), random.Random(seed)).total_seconds() for seed in range(200)]
    assert 240 <= min(margins) < 260
    assert 340 < max(margins) <= 360


def test_a_minute_s_token_is_renewed_after_80_to_90_percent_of_its_life() -> None:
    margins = [margin(timedelta(seconds=60), random.Random(seed)).total_seconds() for seed in range(200)]
    assert 6 <= min(margins) < 7
    assert 11 < max(margins) <= 12
