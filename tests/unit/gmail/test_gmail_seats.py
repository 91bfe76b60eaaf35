"""How many requests may be under way for one mailbox, and whose mailbox it is."""

import asyncio

import pytest

from afpd.gmail.addresses import same_mailbox
from afpd.gmail.seats import Seats


async def most_at_once(seats: Seats, guests: int = 6) -> int:
    inside: list[int] = [0, 0]

    async def sit() -> None:
        async with seats:
            inside[0] += 1
            inside[1] = max(inside)
            await asyncio.sleep(0.001)
            inside[0] -= 1

    await asyncio.gather(*(sit() for _ in range(guests)))
    return inside[1]


async def test_no_more_than_the_limit_are_inside() -> None:
    assert await most_at_once(Seats(2)) == 2


async def test_narrowed_seats_let_one_in_and_never_none() -> None:
    seats = Seats(2)
    async with seats:
        seats.narrow()
        seats.narrow()
    assert seats.limit == 1
    assert await most_at_once(seats) == 1


async def test_narrowing_while_both_sit_takes_effect_when_they_leave() -> None:
    seats = Seats(2)
    async with seats, seats:
        seats.narrow()
    assert await most_at_once(seats) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana@example.com", "Ana@Example.COM "),
        ("ana.mora@gmail.com", "anamora@googlemail.com"),
        ("ana+bank@gmail.com", "a.n.a@gmail.com"),
    ],
)
def test_spellings_of_one_mailbox_are_the_same(one: str, other: str) -> None:
    assert same_mailbox(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana@example.com", "bo@example.com"),
        ("ana.mora@example.com", "anamora@example.com"),
        ("ana@example.com", "ana@example.org"),
        ("ana@gmail.com", "ana@gmail.com.evil.example"),
        ("", "ana@gmail.com"),
    ],
)
def test_other_mailboxes_differ(one: str, other: str) -> None:
    assert not same_mailbox(one, other)
