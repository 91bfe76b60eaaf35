"""What bank files can say about a date that lends its year, keys of several words, and values that mean none."""

from datetime import UTC, date, datetime

import pytest

from afpd.errors import BadValue
from afpd.model import DatedBy, Transaction
from afpd.parse.bank import build_bank
from afpd.parse.bankfile import parse_bank_file
from afpd.parse.dates import DateOrder, moment
from afpd.parse.owners import Owners
from afpd.parse.text import of_plain
from afpd.parse.transactions import Surroundings

ORDERS = (DateOrder.D_MON_Y, DateOrder.D_MON)
RECEIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILE = """\
format = 1
[bank]
code = "xx-uno"
name = "Uno"
country = "MX"
currency = "MXN"
zone = "America/Mexico_City"
domains = ["uno.example"]
signs = { "$" = "MXN" }
[[sender]]
address = "avisos@uno.example"
[[template]]
name = "charge"
must = ["."]
undated = true
currency = "MXN"
kind = "purchase"
direction = "debit"
spaced = ["reference"]
nothing = 'no capturado\\.?'
[template.fields.amount]
pattern = 'cargo (?P<value>{{pesos}})(?: [a-z]|$)'
[template.fields.merchant]
labels = ["nombre"]
[template.fields.reference]
labels = ["referencia", "clave"]
[template.fields.authorization]
labels = ["autorizacion"]
"""


def read(text: str) -> Transaction:
    around = Surroundings(RECEIVED, "", Owners(list))
    (found,) = build_bank(parse_bank_file("uno.toml", FILE)).chooser.read(of_plain(text), around).transactions
    return found


@pytest.mark.parametrize(
    ("text", "posted", "wanted"),
    [
        ("12/Feb", "12/Feb/2024", date(2024, 2, 12)),
        ("31/Dic", "02/Ene/2026", date(2025, 12, 31)),
        ("01/Ene", "31/Dic/2025", date(2026, 1, 1)),
        ("29/Feb", "01/Mar/2024", date(2024, 2, 29)),
    ],
)
def test_a_date_without_a_year_takes_that_of_the_day_on_which_it_was_posted(
    text: str, posted: str, wanted: date
) -> None:
    found = moment(text, None, ORDERS, RECEIVED, UTC, posted)
    assert (found.at, found.dated_by) == (wanted, DatedBy.BODY)


@pytest.mark.parametrize("posted", ["12/Jul/2025", "12/Feb", "nunca"])
def test_a_posting_date_that_lends_no_year_is_refused(posted: str) -> None:
    with pytest.raises(BadValue):
        moment("12/Feb", None, ORDERS, RECEIVED, UTC, posted)


def test_a_date_with_a_year_keeps_it() -> None:
    assert moment("12/Feb/2024", None, ORDERS, RECEIVED, UTC, "13/Mar/2026").at == date(2024, 2, 12)


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ("20260529 TCT0412", "20260529 TCT0412"),
        ("20260529", "20260529"),
        ("sin numero", None),
        ("20260529 gracias por su compra", None),
    ],
)
def test_a_spaced_key_is_made_of_words_with_digits(written: str, reference: str | None) -> None:
    found = read(f"cargo $5.00\nReferencia: {written}\nAutorizacion: {written}")
    assert found.reference == reference
    assert found.authorization == (None if " " in written else written)


def test_words_that_mean_nothing_let_the_next_label_speak() -> None:
    found = read("cargo $5.00\nNombre: No capturado.\nReferencia: NO CAPTURADO\nClave: 88A\nAutorizacion: 1")
    assert (found.merchant, found.reference) == (None, "88A")


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("$ 71.82 MN", "71.82", "MXN"),
        ("$1,071.82 M.N.", "1071.82", "MXN"),
        ("US$15.20", "15.20", "USD"),
        ("CAD 208.43", "208.43", "CAD"),
        ("5 de", "5.00", "MXN"),
    ],
)
def test_pesos_are_amounts_with_any_sign_around_them(written: str, amount: str, currency: str) -> None:
    found = read(f"cargo {written}")
    assert (format(found.amount, "f"), found.currency) == (amount, currency)
