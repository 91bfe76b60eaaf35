"""Redacted mails: nothing of anybody is left, and every layout is read by the same template as before."""

import json
import re
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner

from afpd.banks import shipped
from afpd.cli.root import root
from afpd.parse.library import Library, load_library
from afpd.parse.message import read_message
from afpd.parse.redaction.mail import left_over, redact
from afpd.parse.redaction.vocabulary import vocabulary

MAILS = sorted((Path(__file__).parent / "mails").glob("*/*.eml"))
KEY = b"a key of thirty-two invented bytes"
PURCHASE = Path(__file__).parent / "mails" / "cr-bac" / "card-purchase-visa.eml"


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(shipped())


@pytest.fixture(scope="module")
def kept() -> frozenset[str]:
    return vocabulary(shipped())


def said(raw: bytes) -> str:
    """Return everything that a mail says, by another reader of MIME."""
    message = message_from_bytes(raw, policy=policy.default)
    texts = [str(value) for part in message.walk() for value in part.values()]
    leaves = [part for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*texts, *((part.get_payload(decode=True) or b"").decode("utf-8", "replace") for part in leaves)])


@pytest.mark.parametrize("path", MAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_redacted_mail_is_read_by_the_same_template(library: Library, kept: frozenset[str], path: Path) -> None:
    raw = path.read_bytes()
    done = redact(raw, library, kept, KEY).raw
    was = library.read(raw, received_at=read_message(raw).date)
    now = library.read(done, received_at=read_message(done).date)
    assert (now.outcome, now.bank, now.template) == (was.outcome, was.bank, was.template)
    assert len(now.transactions) == len(was.transactions)
    for old, new in zip(was.transactions, now.transactions, strict=True):
        assert (new.kind, new.direction, new.status, new.currency) == (
            old.kind,
            old.direction,
            old.status,
            old.currency,
        )
        assert len(f"{new.amount:f}") == len(f"{old.amount:f}")
    groups = set(re.findall(r"[0-9]{4,}", said(raw)))
    assert [group for group in groups if group in said(done)] == []
    record = json.loads(path.with_suffix(".json").read_text("utf-8"))
    names = [one["merchant"] for one in record["transactions"] if one["merchant"] and len(one["merchant"]) > 3]
    assert [name for name in names if name.lower() in said(done).lower()] == []


def test_the_owner_is_nowhere_in_a_redacted_mail(library: Library, kept: frozenset[str]) -> None:
    done = redact(PURCHASE.read_bytes(), library, kept, KEY).raw
    for word in ("marcela", "ureña", "urena", "solis", "trigal", "4471", "7,845.00", "203.0.113.221"):
        assert word not in said(done).lower()
    assert "NotificacionBAC@baccredomatic.cr" in said(done)
    assert left_over(done, ["4471"], ["marcela"]) == []


def test_what_is_the_same_stays_the_same_in_one_mail_and_differs_with_the_key(
    library: Library, kept: frozenset[str]
) -> None:
    raw = PURCHASE.read_bytes()
    done = redact(raw, library, kept, KEY).raw
    body = next(read_message(done).bodies()).body
    merchant = re.search(r"Comercio:\t(.*)", body)
    assert merchant is not None
    assert merchant[1] in read_message(done).subject
    assert len(merchant[1]) == len("PANADERIA EL TRIGAL")
    assert redact(raw, library, kept, KEY).raw == done
    assert redact(raw, library, kept, b"another key of many bytes").raw != done


def test_the_verb_writes_a_mail_and_answers_in_json(tmp_path: Path) -> None:
    plain = CliRunner().invoke(root, ["redact", str(PURCHASE)])
    assert plain.exit_code == 0, plain.output
    assert read_message(plain.stdout_bytes).sender == "notificacionbac@baccredomatic.cr"
    told = CliRunner().invoke(root, ["redact", str(PURCHASE), "--output", str(tmp_path / "a.eml"), "--json"])
    answer = json.loads(told.stdout)
    assert (answer["bank"], answer["template"], answer["mail"]) == ("cr-bac", "card", None)
    assert answer["digit_groups"] > 5
    assert b"TRIGAL" not in (tmp_path / "a.eml").read_bytes()
