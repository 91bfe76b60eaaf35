"""A name that a mail program broke over two lines is read whole where the words behind it are known."""

from datetime import UTC, datetime

import pytest

from afpd.parse.bank import build_bank
from afpd.parse.bankfile import parse_bank_file
from afpd.parse.owners import Owners
from afpd.parse.text import of_plain
from afpd.parse.transactions import Surroundings

FILE = """\
format = 1
[bank]
code = "xx-uno"
name = "Uno"
country = "PE"
currency = "PEN"
zone = "America/Lima"
domains = ["uno.example"]
[[sender]]
address = "avisos@uno.example"
[[template]]
name = "card"
must = ["comercio"]
undated = true
kind = "purchase"
direction = "debit"
[template.fields.amount]
labels = ["monto"]
[template.fields.merchant]
labels = ["comercio"]
pattern_first = true
pattern = 'comercio ?: (?P<value>[^:]+?) (?:fecha|monto) ?:'
"""


@pytest.mark.parametrize(
    ("text", "merchant"),
    [
        ("Comercio: LA ESPIGA\nDE ORO\nMonto: S/ 7.50", "LA ESPIGA DE ORO"),
        ("Monto: S/ 7.50\nComercio: LA ESPIGA\nGracias", "LA ESPIGA"),
        ("Comercio:\nMonto: S/ 7.50", None),
    ],
)
def test_the_words_behind_a_value_end_it_and_else_its_line_does(text: str, merchant: str | None) -> None:
    bank = build_bank(parse_bank_file("uno.toml", FILE))
    around = Surroundings(datetime(2026, 5, 8, 12, tzinfo=UTC), "", Owners(list))
    (read,) = bank.chooser.read(of_plain(text), around).transactions
    assert read.merchant == merchant
