"""What each method of the API answers, from a mailbox and the request's parameters.

Source: Gmail API reference (users.getProfile, users.messages, users.history, users.labels).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from afpd.sandbox import messages
from afpd.sandbox.answers import Refusal, invalid_argument, not_found
from afpd.sandbox.fields import Selection
from afpd.sandbox.mailbox import SYSTEM_LABELS, Mailbox
from afpd.sandbox.routes import Query, Route, one, positive
from afpd.sandbox.search import parse
from afpd.sandbox.stored import StoredMessage

_HIDDEN = {"SPAM", "TRASH"}
_METADATA_SCOPE = "https://www.googleapis.com/auth/gmail.metadata"


def get_profile(mailbox: Mailbox) -> dict[str, Any]:
    """Answer users.getProfile."""
    return {
        "emailAddress": mailbox.email_address,
        "messagesTotal": len(mailbox.messages),
        "threadsTotal": len(mailbox.messages),
        "historyId": str(mailbox.history_id),
    }


def list_messages(mailbox: Mailbox, query: Query, now: datetime) -> dict[str, Any]:
    """Answer users.messages.list: ids, newest first; no `messages` member when there are none."""
    if one(query, "q") and mailbox.scope == _METADATA_SCOPE:
        raise Refusal(403, "forbidden", "Metadata scope does not support 'q' parameter")
    size = positive(query, "maxResults", 100, mailbox.largest_page)
    before = _position(one(query, "pageToken"))
    page: list[StoredMessage] = []
    for message in _matching(mailbox, query, now, before):
        page.append(message)
        if len(page) > size:
            break
    answer: dict[str, Any] = {"resultSizeEstimate": len(page)}
    if page:
        answer["messages"] = [{"id": message.id, "threadId": message.thread_id} for message in page[:size]]
    if len(page) > size:
        date, sequence = page[size - 1].position
        answer["nextPageToken"] = f"{sequence:09d}{date}"
    return answer


def get_message(
    mailbox: Mailbox, route: Route, query: Query, selection: Selection | None, big_part_bytes: int
) -> dict[str, Any]:
    """Answer users.messages.get. Raises `Refusal` (404) for a message that is not there."""
    message = mailbox.messages.get(route.object_id or "")
    if message is None:
        raise not_found()
    form = one(query, "format", "full").lower()
    if form not in ("minimal", "full", "raw", "metadata"):
        raise invalid_argument(f"Invalid value at 'format' (type.googleapis.com/google.gmail.v1.Format), \"{form}\"")
    if form in ("full", "raw") and mailbox.scope == _METADATA_SCOPE:
        raise Refusal(403, "forbidden", f"Metadata scope doesn't allow format {form.upper()}")
    headers = query.get("metadataHeaders", ())
    return messages.resource(message, form, headers=headers, selection=selection, big_part_bytes=big_part_bytes)


def get_attachment(mailbox: Mailbox, route: Route) -> dict[str, Any]:
    """Answer users.messages.attachments.get. Raises `Refusal` (404) for a part that is not there."""
    message = mailbox.messages.get(route.object_id or "")
    if message is None:
        raise not_found()
    return messages.attachment(message, route.inner_id or "")


def list_labels(mailbox: Mailbox) -> dict[str, Any]:
    """Answer users.labels.list."""
    system = [{"id": label, "name": label, "type": "system"} for label in SYSTEM_LABELS]
    own = [{"id": label, "name": name, "type": "user"} for label, name in mailbox.user_labels.items()]
    return {"labels": system + own}


def get_label(mailbox: Mailbox, route: Route) -> dict[str, Any]:
    """Answer users.labels.get, with counts. Raises `Refusal` (404) for a label that is not there."""
    for label in list_labels(mailbox)["labels"]:
        if label["id"] == route.object_id:
            carrying = [message for message in mailbox.messages.values() if label["id"] in message.labels]
            unread = sum("UNREAD" in message.labels for message in carrying)
            return {
                **label,
                "messagesTotal": len(carrying),
                "messagesUnread": unread,
                "threadsTotal": len(carrying),
                "threadsUnread": unread,
            }
    raise not_found()


def _matching(mailbox: Mailbox, query: Query, now: datetime, before: tuple[int, int] | None) -> Iterable[StoredMessage]:
    q = one(query, "q")
    parsed = parse(q, now) if q else None
    labels = set(query.get("labelIds", ()))
    hidden = _HIDDEN if one(query, "includeSpamTrash") != "true" and not labels & _HIDDEN else set()
    if parsed is not None and parsed.spam_and_trash:
        hidden = set()
    seen_until = now.timestamp()
    for message in mailbox.newest_first(before):
        if hidden & message.labels or not labels <= message.labels:
            continue
        if parsed is None or (message.indexed_at <= seen_until and parsed.matches(message)):
            yield message


def _position(token: str) -> tuple[int, int] | None:
    if not token:
        return None
    if not token.isascii() or not token.isdigit() or len(token) < 10:
        raise invalid_argument("Invalid pageToken")
    return int(token[9:]), int(token[:9])
