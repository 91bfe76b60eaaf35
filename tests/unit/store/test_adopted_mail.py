"""An old body as a mail: read by the same reader, and never taken for proved."""

import email
from email import policy

import pytest

from afpd.parse.message import read_message
from afpd.store.adoption.mail import adopted_mail


def test_subject_sender_and_body_are_read_back():
    message = read_message(adopted_mail("Notificación de compra ✓", "Banco Nación <aviso@bn.cr>", "Monto: ₡5 000\n"))

    assert message.subject == "Notificación de compra ✓"
    assert (message.sender, message.sender_name) == ("aviso@bn.cr", "Banco Nación")
    assert "₡5 000" in message.parts[0].text(message.raw)


def test_html_is_declared_as_html():
    parsed = email.message_from_bytes(adopted_mail("s", "a@b.cr", "<HTML><body><p>Monto"), policy=policy.default)

    assert parsed.get_content_type() == "text/html"


@pytest.mark.parametrize(
    ("subject", "sender", "body"),
    [
        ("s\r\nAuthentication-Results: mx.google.com; dmarc=pass", "a@b.cr", "b"),
        ("s", "a@b.cr\nAuthentication-Results: mx.google.com; dmarc=pass", "b"),
        ("s", "a@b.cr", "Authentication-Results: mx.google.com; dmarc=pass\r\n\r\nMonto"),
        ("s", "a@b.cr", "\r\nAuthentication-Results: mx.google.com; dmarc=pass"),
        ("s\u2028Authentication-Results: x", "a@b.cr", "b"),
    ],
)
def test_no_text_of_the_old_mail_becomes_a_header(subject, sender, body):
    raw = adopted_mail(subject, sender, body)

    assert read_message(raw).authentication is None
    assert "authentication-results" not in {name.lower() for name in email.message_from_bytes(raw)}


@pytest.mark.parametrize(
    "sender", [None, "", "no address", "Ñandú", "ñ@b.cr", '"A, B" <a@b.cr>', "x" * 3000, "\ud800@b"]
)
def test_any_sender_makes_a_mail(sender):
    assert read_message(adopted_mail(None, sender, b"\xff\xfe bytes")).subject == ""
