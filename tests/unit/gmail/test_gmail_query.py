"""Searches for the banks' senders."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from afpd.gmail import bank_queries
from afpd.gmail.query import LONGEST_QUERY

AFTER = datetime(2026, 11, 12, 11, 0, 0, 500000, tzinfo=UTC)
EPOCH = 1794481200


def test_one_sender_and_several_are_asked_for_in_one_query() -> None:
    assert bank_queries(["a@bank.example"], AFTER) == [f"from:(a@bank.example) after:{EPOCH - 1}"]
    both = bank_queries(["b.example", "A@Bank.example", "a@bank.example"], AFTER)
    assert both == [f"from:(a@bank.example OR b.example) after:{EPOCH - 1}"]


def test_the_period_is_rounded_outwards() -> None:
    (query,) = bank_queries(["b.example"], AFTER, AFTER + timedelta(hours=1))
    assert query.endswith(f"after:{EPOCH - 1} before:{EPOCH + 3602}")


def test_the_same_moment_in_another_zone_is_the_same_query() -> None:
    local = AFTER.astimezone(datetime.strptime("-0600", "%z").tzinfo)
    assert bank_queries(["b.example"], local) == bank_queries(["b.example"], AFTER)


def test_many_senders_are_split_into_queries_of_bounded_length_without_losing_one() -> None:
    senders = {f"notifications{n}@a-rather-long-bank-name-{n}.example" for n in range(300)}
    queries = bank_queries(senders, AFTER)
    assert len(queries) > 2
    assert all(len(query) <= LONGEST_QUERY for query in queries)
    assert {word for query in queries for word in re.findall(r"notif\S+@[^\s)]+", query)} == senders


def test_no_senders_need_no_query() -> None:
    assert bank_queries([], AFTER) == []


@pytest.mark.parametrize(
    "sender",
    ["", "a b@bank.example", "x) OR in:anywhere (y@b.example", "-b.example", "bank", "a@b@c.example", "b.example\n",
     "{a.example}", '"a"@b.example', "a" * 300 + ".example", "ban\u212a.example"],
)  # fmt: skip
def test_what_is_neither_address_nor_domain_cannot_enter_a_query(sender: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        bank_queries([sender], AFTER)


def test_naive_moments_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        bank_queries(["b.example"], AFTER.replace(tzinfo=None))


def test_what_is_known_to_bring_nothing_is_left_out_as_far_as_half_a_query_holds_it() -> None:
    (query,) = bank_queries(["b.example"], AFTER, without=["ads@b.example", "x) OR in:anywhere (y@b.example"])
    assert query == f"from:(b.example) after:{EPOCH - 1} -from:(ads@b.example)"
    many = [f"advertising{n}@a-rather-long-bank-name-{n}.example" for n in range(300)]
    assert all(len(query) <= LONGEST_QUERY for query in bank_queries(["b.example"], AFTER, without=many))
