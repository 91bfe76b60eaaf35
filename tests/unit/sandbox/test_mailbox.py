"""The model mailbox: ids, order, history and the lag of search."""

from datetime import timedelta

import pytest
from support.sandbox_caller import SteppedClock

from afpd.sandbox.answers import Refusal
from afpd.sandbox.endpoints import list_messages
from afpd.sandbox.faults import Fault
from afpd.sandbox.history import list_history
from afpd.sandbox.mailbox import Mailbox

RAW = b"From: a@example.net\r\nSubject: x\r\n\r\nhello\r\n"


def ids(mailbox: Mailbox, clock: SteppedClock, **query: str) -> list[str]:
    answer = list_messages(mailbox, {name: [value] for name, value in query.items()}, clock.now())
    return [message["id"] for message in answer.get("messages", [])]


def history(mailbox: Mailbox, start: int, fault: Fault | None = None, **query: str) -> dict:
    wanted = {"startHistoryId": [str(start)]} | {name: [value] for name, value in query.items()}
    return list_history(mailbox, wanted, fault)


def added(answer: dict) -> list[str]:
    return [
        entry["messagesAdded"][0]["message"]["id"] for entry in answer.get("history", []) if "messagesAdded" in entry
    ]


def test_ids_are_sixteen_hexadecimal_digits_and_differ(mailbox: Mailbox) -> None:
    given = {mailbox.deliver(RAW) for _ in range(50)}
    assert len(given) == 50
    assert all(len(one) == 16 and int(one, 16) for one in given)


def test_messages_are_listed_newest_first_whatever_the_order_of_arrival(mailbox: Mailbox, clock: SteppedClock) -> None:
    old = mailbox.deliver(RAW, received_at=clock.now() - timedelta(days=3))
    new = mailbox.deliver(RAW, received_at=clock.now())
    between = mailbox.deliver(RAW, received_at=clock.now() - timedelta(days=1))
    assert ids(mailbox, clock) == [new, between, old]


def test_pages_join_without_gap_or_repetition_also_when_mail_arrives_between(
    mailbox: Mailbox, clock: SteppedClock
) -> None:
    everything = [mailbox.deliver(RAW) for _ in range(7)][::-1]
    first = list_messages(mailbox, {"maxResults": ["3"]}, clock.now())
    mailbox.deliver(RAW, received_at=clock.now() + timedelta(seconds=1))
    second = list_messages(mailbox, {"maxResults": ["3"], "pageToken": [first["nextPageToken"]]}, clock.now())
    third = list_messages(mailbox, {"maxResults": ["3"], "pageToken": [second["nextPageToken"]]}, clock.now())
    listed = [message["id"] for page in (first, second, third) for message in page["messages"]]
    assert listed == everything
    assert "nextPageToken" not in third


def test_an_empty_result_has_no_messages_member(mailbox: Mailbox, clock: SteppedClock) -> None:
    assert list_messages(mailbox, {"q": ["from:nobody"]}, clock.now()) == {"resultSizeEstimate": 0}


def test_search_lags_delivery_while_the_history_tells_at_once(mailbox: Mailbox, clock: SteppedClock) -> None:
    start = mailbox.history_id
    late = mailbox.deliver(RAW, indexed_after=30)
    assert ids(mailbox, clock, q="from:a@example.net") == []
    assert added(history(mailbox, start)) == [late]
    clock.elapsed += 31
    assert ids(mailbox, clock, q="from:a@example.net") == [late]


def test_spam_is_left_out_unless_asked_for(mailbox: Mailbox, clock: SteppedClock) -> None:
    spam = mailbox.deliver(RAW, labels=("SPAM",))
    assert ids(mailbox, clock, q="hello") == []
    assert ids(mailbox, clock, q="hello", includeSpamTrash="true") == [spam]
    assert ids(mailbox, clock, q="in:spam") == [spam]
    assert ids(mailbox, clock, labelIds="SPAM") == [spam]


def test_a_rescue_from_spam_is_told_by_labels_alone(mailbox: Mailbox) -> None:
    spam = mailbox.deliver(RAW, labels=("SPAM",))
    start = mailbox.history_id
    mailbox.rescue_from_spam(spam)
    records = history(mailbox, start)["history"]
    assert [sorted(set(record) - {"id", "messages"}) for record in records] == [["labelsRemoved"], ["labelsAdded"]]
    assert history(mailbox, start, historyTypes="messageAdded").get("history") is None


def test_history_ids_grow_beyond_two_to_the_sixty_third(clock: SteppedClock) -> None:
    mailbox = Mailbox("b@example.com", "r", clock, first_history_id=2**63 + 5)
    start = mailbox.history_id
    message = mailbox.deliver(RAW)
    answer = history(mailbox, start)
    assert added(answer) == [message]
    assert int(answer["historyId"]) > 2**63


def test_a_page_without_history_may_still_have_a_next_page(mailbox: Mailbox) -> None:
    start = mailbox.history_id
    message = mailbox.deliver(RAW)
    for _ in range(3):
        mailbox.add_label(message, "STARRED")
    last = mailbox.deliver(RAW)
    first = history(mailbox, start + 60, historyTypes="messageAdded", maxResults="2")
    assert "history" not in first
    token = first["nextPageToken"]
    assert added(history(mailbox, start + 60, historyTypes="messageAdded", maxResults="2", pageToken=token)) == [last]


def test_an_expired_cursor_is_not_found_and_a_new_one_works(mailbox: Mailbox) -> None:
    start = mailbox.history_id
    mailbox.deliver(RAW)
    mailbox.expire_history()
    with pytest.raises(Refusal) as refused:
        history(mailbox, start)
    assert refused.value.code == 404
    assert "history" not in history(mailbox, mailbox.history_id)


def test_a_start_that_is_no_number_is_our_bug(mailbox: Mailbox) -> None:
    with pytest.raises(Refusal) as refused:
        list_history(mailbox, {"startHistoryId": ["1e9"]})
    assert refused.value.code == 400


def test_history_can_be_doubled_and_shuffled(mailbox: Mailbox) -> None:
    start = mailbox.history_id
    everything = [mailbox.deliver(RAW) for _ in range(6)]
    doubled = added(history(mailbox, start, Fault.HISTORY_DOUBLED))
    assert len(doubled) > 6
    assert set(doubled) == set(everything)
    shuffled = added(history(mailbox, start, Fault.HISTORY_SHUFFLED))
    assert shuffled != everything
    assert sorted(shuffled) == sorted(everything)


def test_a_deleted_message_leaves_the_list_and_enters_the_history(mailbox: Mailbox, clock: SteppedClock) -> None:
    message = mailbox.deliver(RAW)
    start = mailbox.history_id
    mailbox.delete(message)
    assert ids(mailbox, clock) == []
    assert history(mailbox, start)["history"][0]["messagesDeleted"][0]["message"]["id"] == message


def test_history_can_be_asked_for_one_label(mailbox: Mailbox) -> None:
    start = mailbox.history_id
    mailbox.deliver(RAW, labels=("SPAM",))
    inbox = mailbox.deliver(RAW)
    assert added(history(mailbox, start, labelId="INBOX")) == [inbox]


def test_a_message_can_be_given_its_id_once(mailbox: Mailbox) -> None:
    assert mailbox.deliver(RAW, message_id="18f0") == "18f0"
    with pytest.raises(ValueError, match="18f0 already"):
        mailbox.deliver(RAW, message_id="18f0")
