"""Mails of one layout have like shapes whoever and whatever they name, those of other layouts have not."""

from itertools import combinations
from pathlib import Path

import pytest

from afpd.banks import shipped
from afpd.model import Outcome
from afpd.parse.authenticity import Policy
from afpd.parse.library import load_library
from afpd.parse.message import read_message
from afpd.parse.shape import PLACES, masked, shape
from afpd.parse.text import Text, of_plain
from afpd.store.clusters import ALIKE

TEXT = """\
Estimada {name}:
Le informamos que se realizó una compra con su tarjeta terminada en {card}.
Comercio: {merchant}
Fecha: {date}
Monto: {amount}
Gracias por preferirnos. Si no reconoce esta compra llame al {phone}.
"""
OTHER = """\
Hola {name}
Recibió una transferencia desde la cuenta de {merchant}
por {amount}, que ya está disponible. Consulte sus movimientos en la aplicación.
"""
VALUES = (
    {"name": "Ana Mora", "card": "1234", "merchant": "LA ESPIGA", "date": "02/03/2026", "amount": "CRC 7,410.00", "phone": "2222-1111"},
    {"name": "JOSÉ DE LA O", "card": "0009", "merchant": "Nube * Uno, S.A.", "date": "2 de mayo de 2026", "amount": "$ 5", "phone": "800"},
    {"name": "Li", "card": "9", "merchant": "X 3% D'ORO", "date": "31/12", "amount": "USD 1,234,567.89", "phone": "+506 1"},
)  # fmt: skip
MAILS = sorted((Path(__file__).parents[2] / "banks" / "mails").glob("*/*.eml"))


def likeness(one, other):
    return sum(a == b for a, b in zip(one, other, strict=True)) / PLACES


def of(text, **values):
    return shape(of_plain(text.format(**values)))


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (1, 2)])
def test_another_name_merchant_and_amount_change_little(one, other):
    assert likeness(of(TEXT, **VALUES[one]), of(TEXT, **VALUES[other])) >= ALIKE


def test_a_line_more_or_less_changes_little():
    without = TEXT.replace("Fecha: {date}\n", "Cuotas: 3\n")
    assert likeness(of(TEXT, **VALUES[0]), of(without, **VALUES[0])) >= ALIKE


def test_another_layout_is_unlike():
    assert likeness(of(TEXT, **VALUES[0]), of(OTHER, **VALUES[0])) < ALIKE / 2


def test_a_text_in_capitals_has_a_shape_too():
    texts = ("COMPRA APROBADA EN ESTE MOMENTO POR 1,200 CRC", "RETIRO DE EFECTIVO EN CAJERO POR 1,200 CRC")
    one, other = (shape(of_plain(text)) for text in texts)
    assert likeness(one, other) < ALIKE


@pytest.mark.parametrize("text", ["", "\n" * 5000, "a " * 60_000, "é: x\t" * 30_000, "𝟙" * 10_000, "\ud800"])
def test_any_text_has_one(text):
    assert len(shape(Text(text), text)) == PLACES


def test_what_varies_is_dots():
    assert masked("Compra de ANA por 1,200.50 en Tienda X") == "Compra de … por … en … …"


def test_unread_mails_of_a_known_sender_carry_it_and_no_others():
    library = load_library(shipped())
    seen = set()
    for path in MAILS:
        raw = path.read_bytes()
        when = read_message(raw).date
        if when is not None:
            reading = library.read(raw, received_at=when, policy=Policy.STRICT)
            carries = reading.shape is not None
            assert carries == (reading.outcome in (Outcome.UNMATCHED, Outcome.FAILED) and reading.sender is not None)
            seen.add(reading.outcome)
    assert {Outcome.SUCCESS, Outcome.QUARANTINED} <= seen


def test_the_shapes_of_different_layouts_of_one_bank_are_seldom_alike():
    library, found = load_library(shipped()), []
    for path in MAILS:
        message = read_message(path.read_bytes())
        body = next(message.bodies(), None)
        if message.date is None or body is None or "forward" in path.name or "spoof" in path.name:
            continue
        reading = library.read(path.read_bytes(), received_at=message.date, policy=Policy.OFF)
        if reading.template is not None:
            found.append((reading.bank, reading.template, shape(body, message.subject)))
    others = [
        likeness(one[2], other[2]) for one, other in combinations(found, 2) if one[0] == other[0] and one[1] != other[1]
    ]
    assert len(others) > 50
    assert sum(one >= ALIKE for one in others) <= len(others) // 50
