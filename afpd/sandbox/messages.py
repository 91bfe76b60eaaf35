"""From an RFC 822 message to the API's Message resource, in the formats minimal, metadata, full and raw.

Source: Gmail API reference, users.messages (resource Message, enum Format).
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from typing import Any

from afpd.sandbox.answers import not_found
from afpd.sandbox.fields import Selection, wants
from afpd.sandbox.mime import is_attachment, part_bytes, snippet
from afpd.sandbox.stored import StoredMessage, decoded

_FOLD = re.compile(r"\r?\n")


def resource(
    message: StoredMessage,
    form: str,
    *,
    headers: Sequence[str] = (),
    selection: Selection | None = None,
    big_part_bytes: int = 1 << 20,
) -> dict[str, Any]:
    """Return a message in one of the four formats.

    `headers` restricts the format metadata; `selection` (the parsed `fields`) spares what nobody asked for; a text
    part of more than `big_part_bytes` comes as an attachmentId, as files do.
    """
    value: dict[str, Any] = {
        "id": message.id,
        "threadId": message.thread_id,
        "labelIds": sorted(message.labels),
        "sizeEstimate": len(message.raw),
        "historyId": str(message.history_id),
        "internalDate": str(message.internal_date),
    }
    if form == "raw" and wants(selection, "raw"):
        value["raw"] = encoded(message.raw, message.sequence)
    with_payload = form in ("full", "metadata") and wants(selection, "payload")
    if not with_payload and not wants(selection, "snippet"):
        return value
    parsed = message_from_bytes(message.raw)
    value["snippet"] = snippet(parsed)
    if with_payload:
        full = form == "full"
        value["payload"] = _full(parsed, message, "", big_part_bytes) if full else _metadata(parsed, headers)
    return value


def attachment(message: StoredMessage, attachment_id: str) -> dict[str, Any]:
    """Return the MessagePartBody of an attachment. Raises `Refusal` (404) when the message has no such part."""
    part = message_from_bytes(message.raw)
    try:
        steps = urlsafe_b64decode(attachment_id[len(_ATTACHMENT) :]).decode().split(":")[1]
        for step in steps.split(".") if steps else ():
            part = _children(part)[int(step)]
    except (ValueError, IndexError, UnicodeDecodeError):
        raise not_found() from None
    content = part_bytes(part)
    return {"size": len(content), "data": encoded(content, message.sequence)}


def encoded(content: bytes, number: int) -> str:
    """Return base64url text; with an odd `number` without padding, since a client must read both."""
    text = urlsafe_b64encode(content).decode()
    return text.rstrip("=") if number % 2 else text


_ATTACHMENT = "ANGjdJ8"


def _attachment_id(message: StoredMessage, part_id: str) -> str:
    return _ATTACHMENT + urlsafe_b64encode(f"{message.id}:{part_id}".encode()).decode()


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _headers(part: Message) -> list[dict[str, str]]:
    return [{"name": name, "value": decoded(_FOLD.sub("", str(value)))} for name, value in part.items()]


def _metadata(message: Message, names: Sequence[str]) -> dict[str, Any]:
    wanted = {name.casefold() for name in names}
    headers = [header for header in _headers(message) if not wanted or header["name"].casefold() in wanted]
    return {"mimeType": message.get_content_type(), "headers": headers}


def _full(part: Message, message: StoredMessage, part_id: str, big: int) -> dict[str, Any]:
    value: dict[str, Any] = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": decoded(part.get_filename() or ""),
        "headers": _headers(part),
    }
    if children := _children(part):
        prefix = f"{part_id}." if part_id else ""
        value["body"] = {"size": 0}
        value["parts"] = [_full(child, message, f"{prefix}{number}", big) for number, child in enumerate(children)]
        return value
    content = part_bytes(part)
    value["body"] = {"size": len(content)}
    if is_attachment(part) or len(content) > big:
        value["body"]["attachmentId"] = _attachment_id(message, part_id)
    else:
        value["body"]["data"] = encoded(content, message.sequence)
    return value
