"""What bank files can say about rows with empty cells, two tellings of one amount, and keys of several words."""

from datetime import UTC, datetime

import pytest

from afpd.model import Transaction
from afpd.parse.bank import build_bank
from afpd.parse.bankfile import parse_bank_file
from afpd.parse.choice import Choice
from afpd.parse.owners import Owners
from afpd.parse.text import of_plain
from afpd.parse.transactions import Surroundings

HEAD = """\
format = 1
[bank]
code = "xx-uno"
name = "Uno"
country = "DO"
currency = "DOP"
zone = "America/Santo_Domingo"
domains = ["uno.example"]
signs = { "$" = "DOP" }
[[sender]]
address = "avisos@uno.example"
[[template]]
name = "card"
must = ["."]
dates = ["dmy"]
kind = "purchase"
direction = "debit"
"""
TABLE = """
each = '(?P<date>{{date}}) (?P<currency>rd|us) (?P<amount>\\$ ?{{number}}) (?:(?P<merchant>\\S.{0,60}?) )??(?:aprobada|reversada)'
[template.columns]
row = '^{{date}}'
stacked = false
[template.columns.fields]
date = ["fecha"]
currency = ["moneda"]
amount = ["monto"]
merchant = ["comercio"]
state = ["estado"]
"""
SENTENCE = """
sentence = ['compra de (?P<amount>rd\\$ ?{{number}}) en (?P<merchant>.+) el (?P<date>{{date}})']
[template.fields.amount]
labels = ["monto"]
"""
LABELS = """
merchant_else = ["payer", "concept"]
spaced = ["reference"]
[template.fields.amount]
labels = ["monto"]
[template.fields.date]
labels = ["fecha"]
[template.fields.payer]
labels = ["ordenante"]
[template.fields.concept]
labels = ["concepto"]
[template.fields.reference]
labels = ["referencia"]
"""


def choice(rest: str, text: str) -> Choice:
    bank = build_bank(parse_bank_file("uno.toml", HEAD + rest))
    around = Surroundings(datetime(2026, 5, 8, 12, tzinfo=UTC), "", Owners(list))
    return bank.chooser.read(of_plain(text), around)


def read(rest: str, text: str) -> Transaction:
    (found,) = choice(rest, text).transactions
    return found


@pytest.mark.parametrize(
    ("text", "merchant"),
    [
        ("Fecha\tMoneda\tMonto\tComercio\tEstado\n07/05/2026\tUS\t$731.00\t\tReversada", None),
        ("Fecha\nMoneda\nMonto\nComercio\nEstado\n07/05/2026\nUS\n$731.00\nReversada\nAviso", None),
        ("Fecha\nMoneda\nMonto\nComercio\nEstado\n07/05/2026\nUS\n$731.00\nPAN\nAprobada\nAviso", "PAN"),
    ],
)
def test_a_row_whose_empty_cell_left_no_line_is_read_by_each(text: str, merchant: str | None) -> None:
    found = read(TABLE, text)
    assert (found.merchant, found.currency, str(found.amount)) == (merchant, "USD", "731.00")


def test_a_sentence_and_a_label_that_agree_are_read() -> None:
    assert str(read(SENTENCE, "Compra de RD$ 75 en PAN el 07/05/2026\nMonto: RD$75.00").amount) == "75.00"


def test_a_sentence_and_a_label_that_tell_two_amounts_fail_the_mail() -> None:
    found = choice(SENTENCE, "Compra de RD$ 75 en PAN el 07/05/2026\nMonto: RD$75.50")
    assert (found.transactions, found.why) == ((), "amount: the mail gives two")


@pytest.mark.parametrize(
    ("lines", "merchant"),
    [("Ordenante: ANA\nConcepto: pan", "ANA"), ("Ordenante:\nConcepto: pan", "pan"), ("Ordenante:\nConcepto:", None)],
)
def test_the_first_of_several_fields_stands_in_for_the_merchant(lines: str, merchant: str | None) -> None:
    assert read(LABELS, f"Monto: RD$ 5.00\nFecha: 07/05/2026\n{lines}").merchant == merchant


@pytest.mark.parametrize(
    ("written", "wanted"), [("US 4017", "US 4017"), ("9D004 51K2", "9D004 51K2"), ("sin dato", None), ("US", "US")]
)
def test_a_reference_of_several_words_keeps_a_short_word_in_front(written: str, wanted: str | None) -> None:
    assert read(LABELS, f"Monto: RD$ 5.00\nFecha: 07/05/2026\nReferencia: {written}").reference == wanted
