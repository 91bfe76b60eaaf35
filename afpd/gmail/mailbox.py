"""What afpd asks a mailbox: is anything new, which of it is the banks', and what does it say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from afpd.errors import AfpdError, MessageUnreadable, Unavailable, WrongMailbox
from afpd.gmail.addresses import same_mailbox
from afpd.gmail.conversation import Conversation
from afpd.gmail.methods import Method
from afpd.gmail.quota import Meter
from afpd.gmail.shapes import (
    History,
    HistoryPage,
    Profile,
    RawMessage,
    SearchPage,
    read_history_page,
    read_profile,
    read_raw_message,
    read_search_page,
)
from afpd.gmail.transport import AnswerTooLarge

# Google's largest page for history.list and messages.list.
_PAGE = 500
# Gmail accepts messages of up to 50 MB, and base64url makes four bytes of three; a bank's mail is a thousand times
# smaller, and a few dozen visits at once must fit into memory.
LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024
_RAW: dict[str, str | int] = {"format": "raw", "fields": "id,internalDate,labelIds,raw"}
_HISTORY_FIELDS = "history(messagesAdded/message(id,labelIds),messagesDeleted/message/id),nextPageToken,historyId"


class Mailbox:
    """One visit to one mailbox; made by `Gmail.mailbox`.

    Every method raises, beside what it names: `Unavailable` (after its retries), `RateLimited`, `AccessRevoked`,
    `AccessDenied`, `RequestRefused`, `QuotaExhausted`, `ClientRejected`; `OutOfTime` when the visit's time is over.
    """

    def __init__(self, conversation: Conversation, meter: Meter, address: str | None) -> None:
        self._conversation = conversation
        self._meter = meter
        self._address = address

    @property
    def server_time(self) -> datetime | None:
        """Google's time (UTC) at its latest answer, or None before the first."""
        return self._conversation.server_time

    @property
    def units_used(self) -> int:
        """Quota units that this visit has spent."""
        return self._meter.used

    async def profile(self) -> Profile:
        """Return whose mailbox this is and its newest history id.

        Raises `WrongMailbox` when it is another one than the integration's.
        """
        body = await self._conversation.ask(Method.PROFILE, "profile", {"fields": "emailAddress,historyId"})
        profile = read_profile(body)
        if self._address is not None and not same_mailbox(profile.email_address, self._address):
            raise WrongMailbox(
                "The grant opens another mailbox than the one of this integration; "
                "sign in again and choose the right account"
            )
        return profile

    async def history(self, start_history_id: str, most_pages: int = 100) -> History:
        """Return what was added since a cursor, from all pages.

        Raises `CursorExpired` when Gmail no longer goes back that far.
        """
        added: dict[str, None] = {}
        deleted: set[str] = set()
        newest: list[int] = []
        page_token: str | None = None
        for _ in range(most_pages):
            page = await self._history_page(start_history_id, page_token)
            added.update(dict.fromkeys(page.added))
            deleted |= page.deleted
            newest += [] if page.history_id is None else [int(page.history_id)]
            page_token = page.next_page_token
            if page_token is None:
                cursor = _new_cursor(start_history_id, newest)
                return History(tuple(one for one in added if one not in deleted), cursor)
        return History(tuple(one for one in added if one not in deleted), start_history_id, complete=False)

    async def search(self, query: str, page_token: str | None = None) -> SearchPage:
        """Return one page of the ids that `query` finds, newest first, without spam and trash."""
        wanted: dict[str, str | int] = {"q": query, "maxResults": _PAGE, "fields": "messages/id,nextPageToken"}
        if page_token is not None:
            wanted["pageToken"] = page_token
        return read_search_page(await self._conversation.ask(Method.SEARCH, "messages", wanted))

    async def raw(self, message_id: str) -> RawMessage:
        """Return the message as it arrived.

        Raises `MessageGone` when it was deleted, `MessageUnreadable` when what Gmail has is no message.
        """
        (found,) = await self.raws([message_id])
        if isinstance(found, AfpdError):
            raise found
        return found

    async def raws(self, message_ids: Sequence[str]) -> list[RawMessage | AfpdError]:
        """Return messages as they arrived, each in its place or, in its stead, the error that `raw` raises for it."""
        paths = {one: f"messages/{quote(one, safe='')}" for one in message_ids if _is_id(one)}
        bodies = dict(zip(paths, await self._bodies(list(paths.values())), strict=True))
        for one, body in bodies.items():
            if len(paths) > 1 and isinstance(body, dict) and body.get("id") != one:  # trouble of the batch, perhaps
                bodies[one] = (await self._bodies([paths[one]]))[0]
        found = {one: _raw_or_error(body, one) for one, body in bodies.items()}
        return [found.get(one) or MessageUnreadable("The id of the message is none") for one in message_ids]

    async def _bodies(self, paths: Sequence[str]) -> list[dict[str, Any] | AfpdError]:
        return await self._conversation.ask_each(Method.MESSAGE, paths, _RAW, LARGEST_MESSAGE_BYTES)

    async def _history_page(self, start: str, page_token: str | None) -> HistoryPage:
        wanted: dict[str, str | int] = {
            "startHistoryId": start,
            "historyTypes": "messageAdded",
            "maxResults": _PAGE,
            "fields": _HISTORY_FIELDS,
        }
        if page_token is not None:
            wanted["pageToken"] = page_token
        return read_history_page(await self._conversation.ask(Method.HISTORY, "history", wanted))


def _raw_or_error(body: dict[str, Any] | AfpdError, message_id: str) -> RawMessage | AfpdError:
    if isinstance(body, AnswerTooLarge):
        return MessageUnreadable(f"The message is larger than {LARGEST_MESSAGE_BYTES >> 20} MiB")
    if isinstance(body, AfpdError):
        return body
    try:
        return read_raw_message(body, message_id)
    except AfpdError as error:
        return error


def _new_cursor(start: str, newest: list[int]) -> str:
    """Choose the oldest of what the pages called newest: what came while they were read is then read again."""
    if not newest:
        raise Unavailable("Gmail answered about history without saying how far it goes")
    return str(max(min(newest), int(start)))


def _is_id(message_id: str) -> bool:
    """Whether an id can stand in a path as one part of it."""
    return message_id not in ("", ".", "..")
