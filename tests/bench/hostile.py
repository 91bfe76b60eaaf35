"""Mails of a mebibyte that were made to cost more than their size. Each once took seconds, or is near one that did."""

from collections.abc import Iterator

SIZE = 1 << 20
MOST_TAGS = 11_000  # more are refused unread, which costs nothing

HTML = {
    "150,000 attributes of one tag": "<p" + "".join(f" a{number:x}" for number in range(150_000)) + ">x</p>",
    "31 attributes of every tag": ("<p" + "".join(f" a{number:x}" for number in range(30)) + ">x") * 9_000,
    "fonts that every paragraph opens again": "".join(f"<font size={number}>" for number in range(290))
    + "<p>x" * (MOST_TAGS - 300),
    "options of a list": "<select>" + "<option>x" * (MOST_TAGS - 1),
    "boxes within boxes": "<div>" * 300_000,
    "boxes 290 deep": ("<div>" * 290 + "x" + "</div>" * 290) * (MOST_TAGS // 580),
    "formulas with rows": "<table>" + "<math>" * 290 + "<tr><td>x" * 5_000,
    "rows": "<table>" + "<tr><td>Monto<td>CRC 1.00" * (MOST_TAGS // 3),
    "one wide row": "<table><tr>" + "<td>a" * (MOST_TAGS - 2),
    "a hidden box each": '<div style="display:none">x</div>' * (MOST_TAGS // 2),
    "bare ampersands": "&" * SIZE,
    "blanks that do not break": "&nbsp;" * (SIZE // 6),
    "one long text": "Monto: CRC 1,000.00 " * (SIZE // 20),
    "marks over one letter": "a" + "\u0301\u0316" * (SIZE // 4),
    "every letter there is": "".join(map(chr, range(0x100, 0xD7FF))) * 6,
    "wrong charset in half a million lines": "Ã©\n" + "é\n" * (SIZE // 3),
}
PLAIN = {
    "labels": "monto: " * (SIZE // 7),
    "labels in lines": "fecha\n" * (SIZE // 6),
    "stars": "*a " * 3_999 + "b" * SIZE,
    "quote marks": ">" * SIZE,
    "cells": "|a " * (SIZE // 3),
    "tabs": "a\t" * (SIZE // 2),
    "breaks": "\r" * SIZE,
    "digits": "Monto: " + "1," * (SIZE // 2),
    "quoted headers": "de: a@b.example\n" * (SIZE // 16),
    "pictures": "[image" * (SIZE // 6),
    "decomposed letters": "a\u0301" * (SIZE // 3),
}
HEADERS = {
    "folded lines": b"X: a\r\n" + b" a\r\n" * (SIZE // 4),
    "recipients": b"To: a@b.example\r\n" * (SIZE // 17),
    "encoded words": b"Subject: " + b"=?utf-8?q?=C3?= " * (SIZE // 16) + b"\r\n",
    "comments": b"Authentication-Results: mx.google.com; " + b'"(' * (SIZE // 2) + b"\r\n",
    "parts": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * (SIZE // 11),
}


def hostile_mails(sample: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each, with the sender and the proof of a sample so that it is read at all."""
    head = without_content_fields(sample)
    for kind, bodies in (("html", HTML), ("plain", PLAIN)):
        content = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
        for name, body in bodies.items():
            yield f"{kind}: {name}", head + content + body.encode()[:SIZE]
    for name, fields in HEADERS.items():
        yield f"head: {name}", head + fields + b"\r\nMonto: 5"
    for charset in ("utf-8", "windows-1252", "shift_jis"):
        content = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
        yield f"bytes: no {charset}", head + content + b"\x81\xe9" * (SIZE // 2)


def without_content_fields(mail: bytes) -> bytes:
    """Return the header fields of a mail, those apart that tell how its body is written."""
    kept, dropped = [], False
    for line in mail.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].lower()
            dropped = name.startswith(b"content-") or name == b"mime-version"
        if not dropped:
            kept.append(line)
    return b"".join(line + b"\r\n" for line in kept)
