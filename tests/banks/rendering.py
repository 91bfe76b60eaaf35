"""The same mail in other renderings: what a bank, a forwarder or Gmail may make of one layout."""

import textwrap
import unicodedata
from collections.abc import Callable, Mapping
from html import escape

from afpd.parse.text import Text

FOOTER = "<p>Aproveche: hasta CRC 99,999.00 en compras. Promoción de $5.000,00 y 12 cuotas de 1,234.56 colones.</p>"
HIDDEN = '<div style="display: none">Monto: CRC 1.00 Total: CRC 5.00</div><style>.a{width:402.81px}</style>'


def rows(text: Text) -> list[list[str]]:
    """Return the lines of a text as lists of cells."""
    return [line.split("\t") for line in text.body.split("\n")]


def _table(text: Text, between: str, cell: str) -> str:
    lines = (between.join(cell.format(escape(one)) for one in line) for line in rows(text))
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _wrapped(text: Text) -> str:
    """Only running sentences are wrapped by a mail program; a list of labels keeps its lines."""
    return text.body if len(rows(text)) > 8 else "\n".join(textwrap.wrap(text.flow, 76))


PLAIN: Mapping[str, Callable[[Text], str]] = {
    "label and value on two lines": lambda text: "\n".join(
        cell for line in rows(text) for cell in line if cell or len(line) > 1
    ),
    "tabs": lambda text: text.body,
    "one blank between": lambda text: "\n".join(" ".join(line) for line in rows(text)),
    "bars": lambda text: "\n".join("| " + " | ".join(line) + " |" if len(line) > 1 else line[0] for line in rows(text)),
    "blank lines between": lambda text: "\n\n".join("\n\n".join(filter(None, line)) for line in rows(text)),
    "bold values": lambda text: "\n".join(
        " ".join(f"*{cell}*" if cell and at else cell for at, cell in enumerate(line)) for line in rows(text)
    ),
    "labels in capitals": lambda text: "\n".join(
        "\t".join([line[0].upper(), *line[1:]]) if len(line) > 1 else line[0] for line in rows(text)
    ),
    "decomposed accents": lambda text: unicodedata.normalize("NFD", text.body),
    "no-break spaces": lambda text: text.body.replace(" ", "\u00a0"),
    "all on one line": lambda text: text.flow,
    "wrapped": _wrapped,
    "quoted": lambda text: "\n".join("> " + " ".join(line) for line in rows(text)),
}
HTML: Mapping[str, Callable[[Text], str]] = {
    "a div each": lambda text: "".join(f"<div>{escape(cell)}</div>" for line in rows(text) for cell in line),
    "line breaks": lambda text: "<br>".join(" ".join(map(escape, line)) for line in rows(text)),
    "tag soup": lambda text: _table(text, "", "<td> <p>\n <span><font>{}</font></span> </p>"),
    "spacer cells": lambda text: _table(text, "<td width=10>&nbsp;</td>", "<td><b>{}</b></td>"),
    "hidden amounts and a footer": lambda text: HIDDEN + _table(text, "", "<td>{}</td>") + FOOTER,
    "zero-width marks": lambda text: _table(text, "", "<td>&zwnj;{}&#847;</td>"),
    "a span around every word": lambda text: "".join(
        f"<p>{' '.join(f'<span>{escape(word)}</span>' for cell in line for word in cell.split())}</p>"
        for line in rows(text)
    ),
}


def rebuilt(raw: bytes, body: str, content_type: str, charset: str = "UTF-8", end: bytes = b"\r\n") -> bytes:
    """Return the mail with its own headers around another body."""
    head = raw.partition(b"\r\n\r\n")[0]
    kept: list[bytes] = []
    dropped = False
    for line in head.split(b"\r\n"):
        if line[:1] not in (b" ", b"\t"):
            name = line.split(b":", 1)[0].lower()
            dropped = name in (b"content-type", b"content-transfer-encoding", b"mime-version")
        if not dropped:
            kept.append(line)
    kept += [f"Content-Type: {content_type}; charset={charset}".encode(), b"Content-Transfer-Encoding: 8bit", b"", b""]
    return b"\r\n".join(kept) + body.encode(charset) + end
