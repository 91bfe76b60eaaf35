"""The search language: what each query finds."""

from datetime import UTC, datetime

import pytest

from afpd.sandbox.search import parse
from afpd.sandbox.stored import StoredMessage

NOW = datetime(2026, 11, 12, 12, 0, tzinfo=UTC)

BANK = b"""From: BAC <NotificacionBAC@baccredomatic.cr>\r
To: Ana <ana@example.com>\r
Message-ID: <329.87@mta.example>\r
Subject: =?UTF-8?B?Tm90aWZpY2FjacOzbiBkZSB0cmFuc2FjY2nDs24=?=\r
Content-Type: text/plain; charset="UTF-8"\r
\r
Compra en PANADERIA EL TRIGAL por CRC 7,845.00\r
"""
FRIEND = b"""From: Irene Vargas <irene@mail.example.net>\r
To: ana@example.com\r
Subject: Almuerzo\r
\r
nos vemos en la panaderia\r
"""


def message(raw: bytes, *labels: str, days_ago: float = 1.0) -> StoredMessage:
    moment = int((NOW.timestamp() - days_ago * 86_400) * 1000)
    return StoredMessage("19a0000000000001", raw, moment, set(labels), 0.0, 1)


def finds(q: str, raw: bytes = BANK, *labels: str, days_ago: float = 1.0) -> bool:
    return parse(q, NOW).matches(message(raw, *labels, days_ago=days_ago))


@pytest.mark.parametrize(
    "q",
    [
        "from:NotificacionBAC@baccredomatic.cr",
        "from:notificacionbac@BACCREDOMATIC.CR",
        "from:baccredomatic.cr",
        "from:@baccredomatic.cr",
        "from:(bncr.fi.cr OR notificacionbac@baccredomatic.cr)",
        "from:{bncr.fi.cr baccredomatic.cr}",
        "{from:bncr.fi.cr from:baccredomatic.cr}",
        "from:bncr.fi.cr OR from:baccredomatic.cr",
        "to:ana@example.com",
        "subject:transaccion",
        'subject:"notificación de transacción"',
        "subject:(notificacion transaccion)",
        "rfc822msgid:<329.87@mta.example>",
        "rfc822msgid:329.87@mta.example",
        "trigal",
        '"EL TRIGAL"',
        "compra trigal",
        "compra AND trigal",
        "-almuerzo",
        "-from:(bncr.fi.cr OR example.net)",
        "(almuerzo OR compra) trigal",
        "almuerzo OR compra trigal",
        "newer_than:2d",
        "older_than:3h",
        "after:2026/11/11",
        "before:2026-11-12",
        "after:11/11/2026",
        f"after:{int(NOW.timestamp()) - 86_400}",
        f"before:{int(NOW.timestamp())}",
        "larger:100",
        "smaller:1K",
        "",
    ],
)
def test_a_bank_mail_of_yesterday_is_found(q: str) -> None:
    assert finds(q)


@pytest.mark.parametrize(
    "q",
    [
        "from:credomatic.cr",
        "from:bac@baccredomatic.cr",
        "from:@credomatic.cr",
        "from:(bncr.fi.cr OR bancobcr.com)",
        "from:(baccredomatic.cr almuerzo)",
        "to:irene",
        "subject:trigal",
        '"TRIGAL EL"',
        "trig",
        "compra -trigal",
        "-(compra OR almuerzo)",
        "compra almuerzo",
        "compra almuerzo OR cena",
        "newer_than:12h",
        "older_than:2d",
        "after:2026/11/12",
        "before:2026/11/11",
        f"after:{int(NOW.timestamp()) - 86_399}",
        f"before:{int(NOW.timestamp()) - 86_400}",
        "has:attachment",
        "is:unread",
        "rfc822msgid:329.88@mta.example",
    ],
)
def test_a_bank_mail_of_yesterday_is_not_found(q: str) -> None:
    assert not finds(q)


def test_or_binds_tighter_than_and() -> None:
    assert not finds("almuerzo trigal OR compra")
    assert finds("trigal almuerzo OR compra")


def test_labels_and_places_are_found_by_name() -> None:
    assert finds("in:inbox", BANK, "INBOX")
    assert finds("is:unread label:inbox", BANK, "INBOX", "UNREAD")
    assert finds("label:Label_7", BANK, "Label_7")
    assert not finds("is:starred", BANK, "INBOX")
    assert finds("is:read", BANK, "INBOX")


@pytest.mark.parametrize("q", ["in:spam", "in:trash from:bac", "label:spam", "in:anywhere", "compra OR in:spam"])
def test_a_query_that_names_spam_or_trash_looks_there(q: str) -> None:
    assert parse(q, NOW).spam_and_trash


def test_other_queries_leave_spam_and_trash_out() -> None:
    assert not parse("from:baccredomatic.cr in:inbox spam", NOW).spam_and_trash


def test_words_are_sought_in_the_body_without_its_markup() -> None:
    html = (
        FRIEND.replace(b"Subject", b"Content-Type: text/html\r\nSubject") + b"<b style='color:trigal'>Caf&eacute;</b>"
    )
    assert finds("cafe", html)
    assert not finds("trigal", html)


def test_an_attachment_is_seen() -> None:
    raw = (
        b"From: a@example.net\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x\r\n"
        b'Content-Disposition: attachment; filename="a.pdf"\r\n\r\ncontent\r\n--x--\r\n'
    )
    assert finds("has:attachment", raw)


@pytest.mark.parametrize("q", ["(", "}", "from:", "-", '"open', "a OR", "OR", "after:soon", "size:big", "((a) OR"])
def test_text_that_is_no_query_raises_nothing(q: str) -> None:
    parse(q, NOW).matches(message(BANK))
