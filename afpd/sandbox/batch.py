"""Batch requests: multipart/mixed of application/http parts, each with a status of its own, at most 100.

Source: Gmail API, "Batching Requests". A part may carry its own Authorization header.
"""

import secrets
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from http import HTTPStatus

from afpd.sandbox.answers import Answer, invalid_argument
from afpd.sandbox.routes import Call

MOST_PARTS = 100


def answer_batch(body: bytes, content_type: str, authorization: str, ask: Callable[[Call], Answer]) -> Answer:
    """Answer a batch: `ask` answers each part. Raises `Refusal` (400) for what is no batch, or too large a one."""
    envelope = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = [part for part in envelope.get_payload() if isinstance(part, Message)] if envelope.is_multipart() else []
    if not parts:
        raise invalid_argument("Failed to parse batch request, error: 0 items. Received batch body: (0) bytes redacted")
    if len(parts) > MOST_PARTS:
        raise invalid_argument(f"The batch request contains {len(parts)} calls, the maximum is {MOST_PARTS}.")
    boundary = f"batch_{secrets.token_urlsafe(16)}"
    pieces = [_part(part, ask(_call(part, authorization)), boundary) for part in parts]
    closing = f"--{boundary}--\r\n".encode()
    return Answer(200, b"".join(pieces) + closing, f"multipart/mixed; boundary={boundary}")


def _call(part: Message, authorization: str) -> Call:
    payload = part.get_payload(decode=True)
    head, _, _ = (payload if isinstance(payload, bytes) else b"").partition(b"\r\n\r\n")
    line, _, headers = head.replace(b"\r\n", b"\n").partition(b"\n")
    verb, target, *_ = [*line.decode("latin-1").split(), "", ""]
    own = message_from_bytes(headers)["Authorization"]
    return Call.to(verb, target, str(own) if own else authorization)


def _part(part: Message, answer: Answer, boundary: str) -> bytes:
    content_id = str(part.get("Content-ID", "")).strip()
    echo = f"Content-ID: <response-{content_id.strip('<>')}>\r\n" if content_id else ""
    reason = HTTPStatus(answer.status).phrase
    head = (
        f"--{boundary}\r\nContent-Type: application/http\r\n{echo}\r\nHTTP/1.1 {answer.status} {reason}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode() + answer.body + b"\r\n"
