"""Answers of the API become values, or are refused in words."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from afpd.errors import MessageUnreadable, Unavailable
from afpd.gmail.shapes import read_history_page, read_profile, read_raw_message, read_search_page


def message(raw: object, **more: Any) -> dict[str, Any]:
    return {"id": "m1", "internalDate": "1762945262247", "labelIds": ["INBOX"], "raw": raw, **more}


@given(some.binary(min_size=1, max_size=200), some.integers(0, 4))
def test_the_bytes_of_a_message_are_exact_whatever_its_padding(raw: bytes, padding: int) -> None:
    bare = urlsafe_b64encode(raw).decode().rstrip("=")
    assert read_raw_message(message(bare + "=" * padding), "m1").raw == raw


def test_a_message_carries_when_it_came_and_its_labels() -> None:
    read = read_raw_message(message("aGk"), "m1")
    assert read.received_at == datetime(2025, 11, 12, 11, 1, 2, 247000, tzinfo=UTC)
    assert (read.email_message_id, read.label_ids) == ("m1", ("INBOX",))


@pytest.mark.parametrize("raw", [None, "", 7, "====", "a", "aGk!", "aG k", "aG\nk", "a=Gk", "ab+/", "ñandú", ["aGk"]])
def test_broken_content_makes_a_message_unreadable(raw: object) -> None:
    with pytest.raises(MessageUnreadable):
        read_raw_message(message(raw), "m1")


@pytest.mark.parametrize("date", [None, "", "soon", "-5", "1e12", "9" * 40, 1.5, "٣", "999999999999999"])
def test_a_message_without_a_time_is_unreadable(date: object) -> None:
    with pytest.raises(MessageUnreadable):
        read_raw_message(message("aGk", internalDate=date), "m1")


def test_another_message_than_the_one_asked_for_is_unreadable() -> None:
    with pytest.raises(MessageUnreadable):
        read_raw_message(message("aGk", id="m2"), "m1")


@pytest.mark.parametrize(
    "number", ["18446744073709551615", "9223372036854775809", "9007199254740993", "36893488147419103232"]
)
def test_history_ids_keep_every_digit(number: str) -> None:
    assert read_profile({"emailAddress": "ana@example.com", "historyId": number}).history_id == number


@pytest.mark.parametrize("number", [None, "", "-1", "1e5", 1.5, True, "x", "٣", "9" * 41])
def test_what_is_no_history_id_is_refused(number: object) -> None:
    with pytest.raises(Unavailable):
        read_profile({"emailAddress": "ana@example.com", "historyId": number})


def test_a_profile_without_an_address_is_refused() -> None:
    with pytest.raises(Unavailable):
        read_profile({"historyId": "5"})


def test_a_page_of_history_may_be_empty_and_still_have_a_next_one() -> None:
    page = read_history_page({"nextPageToken": "p2", "historyId": "9"})
    assert (page.added, page.next_page_token) == ((), "p2")


def test_only_additions_that_a_search_can_find_count() -> None:
    def added(name: str, *labels: str) -> dict[str, Any]:
        return {"message": {"id": name, "labelIds": list(labels)}}

    records = [
        {"messagesAdded": [added("a", "INBOX"), added("draft", "DRAFT"), added("spam", "SPAM", "UNREAD")]},
        {"messagesAdded": [added("b"), added("a", "INBOX")], "labelsAdded": [added("other")]},
        {"messagesDeleted": [added("b")]},
        {},
    ]
    page = read_history_page({"history": records, "historyId": "9"})
    assert (page.added, page.deleted) == (("a", "b"), {"b"})


@pytest.mark.parametrize(
    "body",
    [
        {"history": {}},
        {"history": [3]},
        {"history": [{"messagesAdded": [{"message": None}]}]},
        {"history": [{"messagesAdded": [{"message": {"id": ""}}]}]},
        {"history": [{"messagesAdded": [{"message": {"id": "x" * 200}}]}]},
        {"history": [], "historyId": "abc"},
    ],
)
def test_history_of_another_shape_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        read_history_page(body)


def test_a_search_without_messages_is_empty() -> None:
    assert read_search_page({"resultSizeEstimate": 0}).ids == ()


def test_a_search_lists_each_id_once_in_its_order() -> None:
    page = read_search_page({"messages": [{"id": "b"}, {"id": "a"}, {"id": "b"}], "nextPageToken": ""})
    assert (page.ids, page.next_page_token) == (("b", "a"), None)


def test_contents_and_addresses_do_not_show() -> None:
    assert "hunter2" not in repr(read_raw_message(message(urlsafe_b64encode(b"hunter2").decode()), "m1"))
    assert "ana@" not in repr(read_profile({"emailAddress": "ana@example.com", "historyId": "1"}))
