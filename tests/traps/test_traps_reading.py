"""How others misread mail: each way is played against the reader. See also test_traps_import.py."""

import re

from sqlalchemy import select
from support.world import world

from afpd.model import Outcome
from afpd.parse.message import read_message
from afpd.store import schema

ANA = "ana@example.com"
HEAD = b"From: Banco <aviso@bank.example>\r\nTo: ana@example.com\r\nSubject: Compra\r\nMIME-Version: 1.0\r\n"


def test_a_charset_that_lies_is_not_believed():
    """Trap 15: charset decoded twice (gogcli #446): Gmail gives UTF-8 and the header keeps the old charset."""
    raw = HEAD + b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"

    message = read_message(raw + "Peluquería Muñoz, ₡ 1.500\r\n".encode())

    assert [text.body for text in message.bodies()] == ["Peluquería Muñoz, ₡ 1.500"]


def test_a_body_that_lies_deep_inside_is_read():
    """Trap 16: only the top-level body read (MemberJunction #2874)."""
    inner = b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Monto: 1.500</p>\r\n--b--\r\n"
    outer = b'--a\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n' + inner + b"--a--\r\n"

    message = read_message(HEAD + b'Content-Type: multipart/mixed; boundary="a"\r\n\r\n' + outer)

    assert [text.body for text in message.bodies()] == ["Monto: 1.500"]


async def test_a_mail_that_nobody_can_read_yet_keeps_its_body_for_the_day_when_somebody_can(tmp_path):
    """Trap 20: error states that can never be parsed again after a template fix."""
    async with world(tmp_path) as here:
        await here.connect(ANA)
        letter = here.sandbox.write_letter(ANA, "cr-bac-card")
        head, _, _ = letter.raw.partition(b"\r\n\r\n")
        plain = re.sub(rb"(?im)^(content-type|content-transfer-encoding):.*(\r\n[ \t].*)*\r\n", b"", head + b"\r\n")
        strange = plain + b"\r\nA layout that no template knows.\r\n"
        here.sandbox.mailboxes[ANA].deliver(strange, received_at=letter.received_at)
        await here.tick()

        await here.parse()

        (job,) = await here.rows(select(schema.email_parsing_jobs))
        assert job.parsing_status in (Outcome.UNMATCHED, Outcome.FAILED)
        assert job.body is not None
