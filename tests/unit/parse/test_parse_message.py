"""Mails as bytes: headers, parts, charsets, who vouches, who forwarded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afpd.errors import ReadingError
from afpd.parse.authenticity import Policy, verdict
from afpd.parse.charset import decode, decoded_words
from afpd.parse.forwarded import passed_on, unwrapped
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


HTML = b"<p>Monto: 5</p>"
IN_PARTS = b"--abc\r\nContent-Type: text/html\r\n\r\n" + HTML + b"\r\n--abc--\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary*0=ab; boundary*1=c\r\n\r\n" + IN_PARTS,
        b"Content-Type: multipart/mixed\r\n\r\n" + IN_PARTS,
        b"Content-Type: multipart/mixed; boundary=other\r\n\r\nThis is MIME.\r\n" + IN_PARTS,
        b"Content-Type: application/octet-stream; name*=utf-8''aviso%2Ehtml\r\n\r\n" + HTML,
        b"Content-Type: application/xhtml+xml\r\n\r\n" + HTML,
        b'Content-Type: text/html\r\nContent-Transfer-Encoding: "quoted-printable" (soft)\r\n\r\n<p>Monto: =35</p>',
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+TW9udG86IDU8L3A+\r\n\r\n-- list footer",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+TW9udG86IA==\r\nNTwvcD4=",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n" + HTML,
        b"Content-Type: text/html\r\n\r\n" + "<p>Monto: 5</p>".encode("utf-16"),
    ],
)
def test_what_senders_write_beside_the_standard_is_read_all_the_same(raw: bytes) -> None:
    assert bodies(HEAD + raw) == ["Monto: 5"]


@pytest.mark.parametrize(
    ("subject", "wanted"),
    [
        (b"=?utf-8?Q?Notificaci=C3=B3n de pago?=", "Notificación de pago"),
        (b"=?utf-8?Q?Notificaci=C3=B3n_de_p\r\n ago?= BCR", "Notificación de pago BCR"),
        (b"=?utf-8?B?Tm90aWZpY2Fj\r\n\tacOzbg==?=", "Notificación"),
        (b"Aviso\r\n de pago", "Aviso de pago"),
        (b"=?iso-8859-1?Q?Notificaci=C3=B3n?=", "Notificación"),
    ],
)
def test_a_subject_is_read_however_it_is_encoded_and_folded(subject: bytes, wanted: str) -> None:
    assert read_message(b"From: a@example.com\r\nSubject: " + subject + b"\r\n\r\nx").subject == wanted


def test_a_mail_attached_whole_is_no_body_and_can_be_opened() -> None:
    inner = b"From: BCR <a@bank.cr>\r\nSubject: Aviso\r\n\r\nMonto: 5\r\n"
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nva\r\n"
    raw += b"--a\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"--a--\r\n"
    assert bodies(raw) == ["va"]
    assert [(one.sender, one.subject) for one in read_message(raw).enclosed()] == [("a@bank.cr", "Aviso")]
    (passed,) = passed_on(read_message(raw))
    assert (passed.sender, passed.text.body, passed.attached) == ("a@bank.cr", "Monto: 5", True)
    assert slim(raw) == raw
