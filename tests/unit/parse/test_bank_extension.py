"""A file may add to a bank or replace parts of it, and a file with many mistakes tells them all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from afpd.banks import BankSource, shipped
from afpd.errors import TemplateError
from afpd.model import Outcome
from afpd.parse.authenticity import Policy
from afpd.parse.library import load_library
from afpd.parse.sources import drafts

BAC = "notificacion@notificacionesbaccr.com"
MAIL = """\
From: <{sender}>
To: <ana@example.com>
Subject: Aviso
Date: Mon, 02 Mar 2026 12:05:00 -0600
Content-Type: text/plain; charset=utf-8

{text}
"""
TEMPLATE = """
[[template]]
name = "{name}"
must = ['{must}']
dates = ["dmy"]
kind = "purchase"
direction = "debit"
[template.fields.amount]
labels = ["Importe raro"]
[template.fields.date]
labels = ["Dia"]
"""
SAMPLE = """
[[template.sample]]
received = 2026-03-02T18:05:00Z
text = '''
{must}
Importe raro: CRC {amount}
Dia: 02/03/2026
'''
[[template.sample.expect]]
kind = "purchase"
direction = "debit"
status = "approved"
amount = "{plain}"
currency = "CRC"
occurred_at = "2026-03-02"
dated_by = "body"
"""


def template(name, must):
    samples = [
        SAMPLE.format(must=must, amount=amount, plain=plain)
        for amount, plain in (("5.00", "5.00"), ("1,234.50", "1234.50"))
    ]
    return TEMPLATE.format(name=name, must=must) + "".join(samples)


def extension(*parts, head=""):
    return BankSource("mine.toml", 'format = 1\nextends = "cr-bac"\n' + head + "".join(parts))


def read(library, text, sender=BAC):
    raw = MAIL.format(sender=sender, text=text).encode()
    return library.read(raw, received_at=datetime(2026, 3, 2, 18, 5, tzinfo=UTC), policy=Policy.OFF)


NEW = "aviso de prueba nunca visto\nImporte raro: CRC 7.00\nDia: 02/03/2026"


def test_a_template_and_a_sender_are_added_and_all_others_stay():
    sender = '[[sender]]\naddress = "nuevo@notificacionesbaccr.com"\n'
    library = load_library([*shipped(), extension(sender, template("mine", "aviso de prueba nunca visto"))])
    before = next(bank for bank in load_library(shipped()).banks if bank.code == "cr-bac")
    after = next(bank for bank in library.banks if bank.code == "cr-bac")

    reading = read(library, NEW, "nuevo@notificacionesbaccr.com")

    assert (reading.outcome, reading.bank, reading.template) == (Outcome.SUCCESS, "cr-bac", "mine")
    assert [one.name for one in after.templates] == ["mine", *(one.name for one in before.templates)]
    assert set(after.senders) == {*before.senders, "nuevo@notificacionesbaccr.com"}
    assert after.fingerprint != before.fingerprint


def test_a_template_of_the_same_name_is_replaced_in_its_place():
    names = [one.name for bank in load_library(shipped()).banks if bank.code == "cr-bac" for one in bank.templates]
    library = load_library([*shipped(), extension(template(names[-1], "aviso de prueba nunca visto"))])

    after = next(bank for bank in library.banks if bank.code == "cr-bac")
    assert [one.name for one in after.templates] == names
    assert read(library, NEW).template == names[-1]


def test_it_is_proved_as_a_whole_and_told_with_the_line_of_the_file_that_is_wrong():
    greedy = template("greedy", "aviso de prueba nunca visto").replace('"5.00"', '"6.00"')
    with pytest.raises(TemplateError) as refused:
        load_library([*shipped(), extension(greedy)])
    assert str(refused.value).startswith("mine.toml:")
    assert "amount is '5.00' instead of '6.00'" in str(refused.value)


def test_a_key_of_the_bank_takes_the_place_of_the_former_one():
    (draft,) = (
        draft
        for draft in drafts([*shipped(), extension(head='[bank]\ndomains = ["mine.example"]\n')])[0]
        if draft.file.bank.code == "cr-bac"
    )
    assert draft.file.bank.domains == ["mine.example"]
    assert draft.file.bank.currency == "CRC"


def test_what_extends_nothing_known_is_a_mistake():
    with pytest.raises(TemplateError, match=r"mine.toml:2: extends: no bank file has the code cr-bac"):
        load_library([extension()])


@pytest.mark.parametrize("order", [1, -1])
def test_an_extension_finds_its_bank_wherever_it_stands(order):
    sources = [*shipped(), extension(template("mine", "aviso de prueba nunca visto"))][::order]
    assert read(load_library(sources), NEW).template == "mine"


def test_mistakes_of_every_sort_are_told_at_once():
    source = Path(__file__).parents[2].joinpath("support", "ten_mistakes.toml").read_text("utf-8")
    with pytest.raises(TemplateError) as refused:
        load_library([*shipped(), BankSource("ten.toml", source)])
    told = str(refused.value).splitlines()
    assert len(told) == 10
    assert all(line.startswith("ten.toml:") for line in told)
    for words in (
        "no RE2 pattern", "should be 'dmy'", "'purchase'", "did you mean numbers?", "folded text", "needs labels",
        "2 samples at least", "instead of '7411.00'", "refusal 1: template third reads it", "is a sender of both",
    ):  # fmt: skip
        assert sum(words in line for line in told) == 1, words


def test_every_line_that_is_no_toml_is_told():
    source = 'format = one\n[bank]\nname = "a\ncode = "cr-a"\n'
    with pytest.raises(TemplateError) as refused:
        load_library([BankSource("bad.toml", source)])
    assert [line.partition(": ")[0] for line in str(refused.value).splitlines()] == ["bad.toml:1", "bad.toml:3"]
