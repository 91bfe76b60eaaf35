"""Dates and times as banks write them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from afpd.errors import BadValue
from afpd.model import DatedBy
from afpd.parse.dates import DateOrder, moment

ZONE = ZoneInfo("America/Costa_Rica")
RECEIVED = datetime(2026, 11, 1, tzinfo=UTC)
ORDERS = (DateOrder.DMY, DateOrder.YMD, DateOrder.D_MON_Y, DateOrder.MON_D_Y)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Sep 18, 2026 , 19:24", "2026-09-18T19:24:00"),
        ("Sep 18,2026 , 00:00", "2026-09-18T00:00:00"),
        ("Ago. 14, 2026, 20:52", "2026-08-14T20:52:00"),
        ("18 jun 2026 / 15:40", "2026-06-18T15:40:00"),
        ("08 - 04 - 2026 11:47:33", "2026-04-08T11:47:33"),
        ("03/09/2026 02:12 p.\u00a0m.", "2026-09-03T14:12:00"),
        ("Oct 6, 2026 - 0:31 p.m.", "2026-10-06T12:31:00"),
        ("1/10/2026 12:17 AM", "2026-10-01T00:17:00"),
        ("10/10/2026 20:41:09 PM", "2026-10-10T20:41:09"),
        ("8/10/2026 18:6", "2026-10-08T18:06:00"),
        ("2025/11/20 09:07:24", "2025-11-20T09:07:24"),
        ("9 de Setiembre de 2026 04:26 p.m", "2026-09-09T16:26:00"),
        ("jue, 3 sept 2026 a la(s) 21:58", "2026-09-03T21:58:00"),
        ("7/09/2026 a las 05:31:00 p.m. horas", "2026-09-07T17:31:00"),
    ],
)
def test_a_date_with_a_time(text: str, wanted: str) -> None:
    read = moment(text, None, ORDERS, RECEIVED, ZONE)
    assert read.at == datetime.fromisoformat(wanted).replace(tzinfo=ZONE)
    assert read.dated_by is DatedBy.BODY


def test_a_date_without_a_time_is_a_day() -> None:
    assert moment("10/11/2025", None, ORDERS, RECEIVED, ZONE).at == date(2025, 11, 10)


@pytest.mark.parametrize(
    ("received", "text", "wanted"),
    [
        (datetime(2027, 1, 1, 12, tzinfo=UTC), "31/12", date(2026, 12, 31)),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), "01/01", date(2026, 1, 1)),
    ],
)
def test_a_day_without_a_year_is_the_latest_that_has_been(received: datetime, text: str, wanted: date) -> None:
    read = moment(text, None, (DateOrder.DM,), received, ZONE)
    assert (read.at, read.dated_by) == (wanted, DatedBy.BODY_AND_RECEIVED)


def test_a_time_without_a_day_is_the_latest_that_has_been() -> None:
    read = moment(None, "11:56 pm", (), datetime(2026, 1, 1, 6, 2, tzinfo=UTC), ZONE)
    assert read.at == datetime(2025, 12, 31, 23, 56, tzinfo=ZONE)


def test_no_date_at_all_is_the_receive_time() -> None:
    read = moment(None, None, (), RECEIVED, ZONE)
    assert (read.at, read.dated_by) == (RECEIVED, DatedBy.RECEIVED)


@pytest.mark.parametrize("text", ["31/02/2026", "2026", "13 Foo 2026", "10/11/2026 25:00", "10/11/2026 desde", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        moment(text or " ", None, ORDERS, RECEIVED, ZONE)


def test_an_order_that_is_not_declared_is_not_read() -> None:
    with pytest.raises(BadValue):
        moment("Sep 18, 2026", None, (DateOrder.DMY,), RECEIVED, ZONE)
