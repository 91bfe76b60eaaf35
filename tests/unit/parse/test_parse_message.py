"""Mails as bytes: headers, parts, charsets, who vouches, who forwarded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afpd.errors import ReadingError
from afpd.parse.authenticity import Policy, verdict
from afpd.parse.charset import decode, decoded_words
from afpd.parse.forwarded import unwrapped
from afpd.parse.message import read_message, slim
from afpd.parse.text import of_plain

HEAD = b"From: Ana <A@Example.com>\r\nSubject: Hola\r\n"


def bodies(raw: bytes) -> list[str]:
    return [text.body for text in read_message(raw).bodies()]


def test_a_blank_text_part_never_wins_over_the_html() -> None:
    raw = HEAD + (
        b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n \r\n'
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>Monto: 5</p>\r\n--b--\r\n"
    )
    assert bodies(raw) == ["Monto: 5"]


def test_nested_parts_and_text_attachments_are_bodies() -> None:
    raw = HEAD + (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>uno</p>\r\n--b--\r\n--a\r\nContent-Type: application/octet-stream; "
        b'name="x.txt"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nZG9z\r\n--a--\r\n'
    )
    assert bodies(raw) == ["uno", "dos"]


@pytest.mark.parametrize(
    ("payload", "charset", "wanted"),
    [
        ("Transacción".encode(), "iso-8859-1", "Transacción"),
        ("Transacción".encode("latin-1"), "utf-8", "Transacción"),
        ("Transacción".encode("latin-1"), "unicode", "Transacción"),
        ("Ñandú".encode().decode("latin-1").encode(), "utf-8", "Ñandú"),
        ("“alerta”".encode("cp1252"), "iso-8859-1", "“alerta”"),
        ("お引落".encode("iso2022_jp"), "ISO-2022-JP", "お引落"),
        ("お引落".encode("shift_jis"), "Shift_JIS", "お引落"),
    ],
)
def test_a_charset_that_lies_does_no_harm(payload: bytes, charset: str, wanted: str) -> None:
    assert decode(payload, charset) == wanted


def test_an_encoded_word_may_be_cut_within_a_letter() -> None:
    assert decoded_words("=?UTF-8?Q?Notificaci=C3?=\r\n =?UTF-8?Q?=B3n?= BCR") == "Notificación BCR"


def test_bytes_without_headers_are_no_mail() -> None:
    with pytest.raises(ReadingError):
        read_message(b"\r\n\r\nhola")


def test_a_slim_mail_keeps_its_text_and_loses_its_pictures() -> None:
    raw = HEAD + (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nhola\r\n"
        b"--a\r\nContent-Type: image/gif\r\n\r\nXXXXXXXX\r\n--a--\r\n"
    )
    assert b"XXXX" not in slim(raw)
    assert bodies(slim(raw)) == bodies(raw) == ["hola"]


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_no_bytes_make_a_message_raise_anything_else(raw: bytes) -> None:
    for prefix in (b"", HEAD, HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n", HEAD + b"\r\n"):
        try:
            message = read_message(prefix + raw)
        except ReadingError:
            continue
        for text in message.bodies():
            assert len(text.flow) == len(text.folded_flow)
        slim(prefix + raw)


DOMAINS, PROOF = ("bank.cr",), ("dmarc", "dkim")


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("mx.google.com; dmarc=pass (p=REJECT) header.from=bank.cr", True),
        ("mx.google.com; dmarc=pass header.from=mail.bank.cr", True),
        ("mx.google.com; dmarc=fail header.from=bank.cr", False),
        ("mx.google.com; dkim=pass header.i=@bank.cr; dmarc=fail header.from=bank.cr", False),
        ("mx.google.com; dmarc=pass header.from=bank.cr.evil.example", False),
        ("mx.google.com; dmarc=pass header.from=evilbank.cr", False),
        ("mx.google.com; dkim=pass header.i=@bank.cr header.s=a; spf=fail", True),
        ("mx.google.com; dkim=pass header.i=@evil.example; dmarc=none", False),
        ("mx.google.com; spf=pass smtp.mailfrom=a@bank.cr", False),
        ('mx.google.com; spf=pass smtp.mailfrom="x; dmarc=pass header.from=bank.cr"@evil.example', False),
        ("mx.google.com; spf=pass (x; dmarc=pass header.from=bank.cr)", False),
        ("mx.evil.example; dmarc=pass header.from=bank.cr", False),
        (None, False),
    ],
)
def test_only_gmails_own_result_proves_the_sender(header: str | None, accepted: bool) -> None:
    assert verdict(header, DOMAINS, PROOF, Policy.STRICT).accepted is accepted


@pytest.mark.parametrize(
    "block",
    [
        "---------- Forwarded message ---------\nFrom: BCR <a@bank.cr>\nDate: x\nSubject: Aviso\nTo: <b@example.com>",
        "________________________________\nDe: BCR <a@bank.cr>\nEnviado: x\nPara: b@example.com\nAsunto: Aviso",
        "From: BCR <a@bank.cr>\nDate: x\nTo: b@example.com\nSubject: Aviso",
        "De: BCR [mailto:a@bank.cr]\nEnviado el: x\nPara: b@example.com\nAsunto: Aviso",
        "> *De:* BCR <a@bank.cr>\n> *Fecha:* x\n> *Asunto:* Aviso\n> *Para:* b@example.com",
    ],
)
def test_the_bank_of_a_forwarded_mail_stands_in_the_quoted_header(block: str) -> None:
    quoted = unwrapped(of_plain(f"Mirá esto\n\n{block}\n\nMonto: 5"))
    assert quoted is not None
    assert (quoted.sender, quoted.subject, quoted.text.body) == ("a@bank.cr", "Aviso", "Monto: 5")


def test_a_mail_that_only_says_de_is_not_forwarded() -> None:
    assert unwrapped(of_plain("De: Ana\nMonto: 5")) is None
