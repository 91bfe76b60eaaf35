"""users.history.list: changes since a history id, with paging, empty pages and expiry.

Paging counts records before filtering, as Gmail does: a page whose records are all of other types has no `history`
member and still a nextPageToken. Source: Gmail API reference, users.history.
"""

import random
from collections.abc import Sequence
from typing import Any

from afpd.sandbox.answers import invalid_argument, not_found
from afpd.sandbox.faults import Fault
from afpd.sandbox.mailbox import Mailbox
from afpd.sandbox.routes import Query, one, positive
from afpd.sandbox.stored import Change, ChangeKind

_MEMBER = {
    ChangeKind.ADDED: "messagesAdded",
    ChangeKind.DELETED: "messagesDeleted",
    ChangeKind.LABEL_ADDED: "labelsAdded",
    ChangeKind.LABEL_REMOVED: "labelsRemoved",
}


def list_history(mailbox: Mailbox, query: Query, fault: Fault | None = None) -> dict[str, Any]:
    """Answer users.history.list. Raises `Refusal`: 400 for a start that is no number, 404 for one that is too old.

    `fault` HISTORY_DOUBLED repeats records, also over pages; HISTORY_SHUFFLED puts a page out of order.
    """
    start = one(query, "startHistoryId")
    if not start.isascii() or not start.isdigit():
        raise invalid_argument("Missing or invalid startHistoryId")
    kinds = [_kind(name) for name in query.get("historyTypes", ())]
    changes = mailbox.changes_after(int(start))
    if changes is None:
        raise not_found()
    size = positive(query, "maxResults", 100, mailbox.largest_page)
    begin = _offset(one(query, "pageToken"))
    page = changes[begin : begin + size]
    answer: dict[str, Any] = {"historyId": str(mailbox.history_id)}
    if begin + size < len(changes):
        answer["nextPageToken"] = f"{begin + size:020d}"
    if fault is Fault.HISTORY_DOUBLED:
        page = changes[max(0, begin - 1) : begin + size] + page
    label = one(query, "labelId")
    records = [_record(change) for change in page if _wanted(change, kinds, label)]
    if fault is Fault.HISTORY_SHUFFLED:
        random.Random(len(records)).shuffle(records)
    if records:
        answer["history"] = records
    return answer


def _wanted(change: Change, kinds: Sequence[ChangeKind], label: str) -> bool:
    return (not kinds or change.kind in kinds) and (not label or label in change.labels or label in change.changed)


def _record(change: Change) -> dict[str, Any]:
    message: dict[str, Any] = {"id": change.message_id, "threadId": change.thread_id}
    entry: dict[str, Any] = {"message": message | {"labelIds": list(change.labels)}}
    if change.changed:
        entry["labelIds"] = list(change.changed)
    return {"id": str(change.history_id), "messages": [message], _MEMBER[change.kind]: [entry]}


def _kind(name: str) -> ChangeKind:
    try:
        return ChangeKind(name)
    except ValueError:
        raise invalid_argument(
            f"Invalid value at 'history_types' (type.googleapis.com/google.gmail.v1.HistoryType), \"{name}\""
        ) from None


def _offset(token: str) -> int:
    if token and not (token.isascii() and token.isdigit()):
        raise invalid_argument("Invalid pageToken")
    return int(token or 0)
