"""What two transactions are to each other."""

from dataclasses import replace
from decimal import Decimal

import pytest

from afpd.store.links import Movement, are_two_sides, looks_alike, reverses

PURCHASE = Movement(
    id=1, user_id="ana", integration_id=1, email_message_id="m1", bank_id=1, kind="purchase", direction="debit",
    status="approved", amount=Decimal("7845.00"), currency="CRC", occurred_at="2026-10-14T21:17:00-06:00",
    merchant="PANADERIA EL TRIGAL", account="4471", reference=None, authorization="318842",
    has_unique_reference=False, reverses_id=None, same_as_id=None,
)  # fmt: skip
REVERSAL = replace(
    PURCHASE, id=2, email_message_id="m2", kind="reversal", direction="credit", occurred_at="2026-10-15T09:00:00-06:00",
    authorization=None, merchant="PANADERIA EL TRIGAL SAN JOSE CR",
)  # fmt: skip


def test_a_reversal_of_the_same_account_amount_and_merchant_points_to_its_purchase():
    assert reverses(REVERSAL, PURCHASE)


def test_a_common_authorization_stands_for_the_merchant():
    assert reverses(replace(REVERSAL, merchant=None, authorization="318842"), PURCHASE)


@pytest.mark.parametrize(
    "other",
    [{"merchant": None}, {"merchant": "SODA LA ESQUINA"}, {"account": "9999"}, {"account": None}, {"amount": Decimal("7845.01")},
     {"currency": "USD"}, {"direction": "debit"}, {"kind": "deposit"}, {"occurred_at": "2026-10-13T00:00:00-06:00"},
     {"occurred_at": "2027-10-15T09:00:00-06:00"}, {"integration_id": 2}, {"bank_id": 2}],
    ids=str,
)  # fmt: skip
def test_amount_and_date_alone_are_never_a_reversal(other):
    assert not reverses(replace(REVERSAL, **other), PURCHASE)


@pytest.mark.parametrize("status", ["declined", "pending", "reversed"])
def test_what_moved_no_money_cannot_be_reversed(status):
    assert not reverses(REVERSAL, replace(PURCHASE, status=status))


def test_a_bare_date_is_the_whole_day():
    assert reverses(replace(REVERSAL, occurred_at="2026-10-14"), PURCHASE)
    assert not reverses(replace(REVERSAL, occurred_at="2026-10-12"), PURCHASE)


def test_an_authorization_of_zeros_is_none():
    original = replace(PURCHASE, authorization="000000")
    assert not reverses(replace(REVERSAL, merchant=None, authorization="000000"), original)


SECOND = replace(PURCHASE, id=3, email_message_id="m3")


def test_the_same_purchase_at_the_same_minute_looks_alike():
    assert looks_alike(SECOND, PURCHASE)
    assert looks_alike(replace(SECOND, authorization=None, merchant=None), PURCHASE)


def test_equal_purchases_twenty_minutes_apart_are_two():
    assert not looks_alike(replace(SECOND, occurred_at="2026-10-14T21:37:00-06:00", authorization=None), PURCHASE)


def test_equal_purchases_of_following_days_without_a_time_are_two():
    day = replace(PURCHASE, occurred_at="2026-10-14", authorization=None)
    assert looks_alike(replace(day, id=3, email_message_id="m3"), day)
    assert not looks_alike(replace(day, id=3, email_message_id="m3", occurred_at="2026-10-15"), day)


@pytest.mark.parametrize(
    "other",
    [{"authorization": "999999"}, {"merchant": "SODA LA ESQUINA", "authorization": None}, {"account": "1111"},
     {"amount": Decimal("1.00")}, {"status": "declined"}, {"direction": "credit"}],
    ids=str,
)  # fmt: skip
def test_what_differs_in_a_mark_or_the_merchant_is_no_look_alike(other):
    assert not looks_alike(replace(SECOND, **other), PURCHASE)


SENT = replace(PURCHASE, kind="transfer", merchant="ANA", reference="2026101415283010123456789")
RECEIVED = replace(SENT, id=9, email_message_id="m9", integration_id=2, bank_id=2, direction="credit", account="7777")


def test_a_transfer_between_own_accounts_has_two_sides():
    assert are_two_sides(SENT, RECEIVED)


def test_zeros_are_no_common_reference():
    assert not are_two_sides(replace(SENT, reference="000000"), replace(RECEIVED, reference="000000"))


@pytest.mark.parametrize(
    "other",
    [{"user_id": "bo"}, {"reference": None}, {"reference": "1"}, {"direction": "debit"}, {"amount": Decimal("1.00")},
     {"status": "declined"}, {"bank_id": 1, "account": "4471"}, {"bank_id": 1, "account": None}, {"occurred_at": "2026-10-20T21:17:00-06:00"}],
    ids=str,
)  # fmt: skip
def test_money_of_somebody_else_is_no_own_transfer(other):
    assert not are_two_sides(SENT, replace(RECEIVED, **other))
