"""Invented values for letters, in the forms in which the banks write them."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from random import Random

from afpd.sandbox.letters.layout import Layout

COSTA_RICA = timezone(timedelta(hours=-6))

_SHOPS = (
    "PANADERIA EL TRIGAL", "FERRETERIA LA TUERCA", "VERDULERIA DON LINO", "CLINICA SANTA ELENA", "BAZAR LUNA LLENA",
    "SERVICENTRO LAS PALMAS", "MINISUPER EL CRUCE", "LIBRERIA TINTA", "DLC*SUSHI MOTOMACHI", "VIVERO TRES LAGUNAS",
    "SODA DONA MIRA", "FARMACIA LOS YOSES", "CAFE VOLCAN", "TALLER RUEDA LIBRE", "NUBEMAR* PLAN ESTUDIO",
)  # fmt: skip
_CITIES = ("SAN JOSE", "HEREDIA", "ALAJUELA", "CARTAGO", "LIBERIA", "CURRIDABAT", "SANTA ANA", "ESCAZU")
_PEOPLE = (
    "Olman Barrantes Mora", "Eladio Fonseca Bravo", "Yamileth Obando Castro", "Ligia Mena Solano",
    "Rolando Picado Ruiz", "Xinia Carvajal Rojas", "Minor Segura Alfaro",
)  # fmt: skip
_CONCEPTS = ("CUOTA CLUB DE LECTURA", "PEDIDO 118", "ALQUILER BODEGA", "REPUESTO BICICLETA", "CLASES DE PIANO")
_SHORT = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
_LONG = (
    "Enero", "Febrero", "Marzo", "Abril", "Mayo", "Junio", "Julio", "Agosto", "Septiembre", "Octubre", "Noviembre",
    "Diciembre",
)  # fmt: skip
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_SCATTER = 7_368_787  # prime, so that counting up times this runs through all numbers of n digits before repeating


@dataclass(frozen=True, slots=True)
class Invented:
    """What a letter tells: the texts for its placeholders, the exact amount, and the bank's local time."""

    texts: dict[str, str]
    amount: Decimal
    local: datetime


def invent(layout: Layout, random: Random, when: datetime, owner: str, serial: int) -> Invented:
    """Invent what one letter tells.

    `when` is the aware moment of the movement, `owner` the mailbox's address, `serial` the letter's number: references
    are made from it and never repeat for the same layout and length (below ten million letters).
    """
    local = when.astimezone(COSTA_RICA)
    amount = _amount(layout.amount, random)
    person = random.choice(_PEOPLE)
    texts = {
        "owner": owner.partition("@")[0].replace(".", " ").upper(),
        "merchant": _merchant(layout.merchant, random),
        "city": random.choice(_CITIES),
        "person": person,
        "person_underscored": person.replace(" ", "_"),
        "concept": random.choice(_CONCEPTS),
        "phone": f"8{random.randrange(10**7):07d}",
        "amount": written(amount, layout.amount),
        "card": f"{1000 + sum(owner.encode()) % 9000}",
        "account": f"{1000 + sum(owner.encode()) * 7 % 9000}",
        "authorization": layout.authorization or f"{random.randrange(100_000, 10**6)}",
        "reference": _reference(layout.reference, local, serial),
    }
    return Invented(texts | dates(local), amount, local)


def dates(local: datetime) -> dict[str, str]:
    """Return every form in which the layouts write a date or a time of day."""
    day, month, year, hour = local.day, local.month, local.year, local.hour
    half = "p.m." if hour >= 12 else "a.m."
    return {
        "dmy": f"{local:%d/%m/%Y}",
        "dmy_short": f"{day}/{month}/{year}",
        "dmy_dash": f"{local:%d-%m-%Y}",
        "hm": f"{local:%H:%M}",
        "hms": f"{local:%H:%M:%S}",
        "hm12": f"{local:%I:%M} {'PM' if hour >= 12 else 'AM'}",
        "h12": f"{hour % 12 or 12}:{local:%M} {'PM' if hour >= 12 else 'AM'}",
        "bn_clock": f"{hour % 12}:{local:%M} {half}",
        "month_day": f"{_ENGLISH[month - 1]} {day}, {year}",
        "month_day_padded": f"{_ENGLISH[month - 1]} {day:02d}, {year}",
        "day_mes": f"{day:02d} {_SHORT[month - 1]} {year}",
        "fecha": f"{day} de {_LONG[month - 1]} de {year}",
        "fecha_padded": f"{day:02d} de {_LONG[month - 1]} de {year}",
    }


def written(amount: Decimal, style: str) -> str:
    """Return an amount in a bank's way of writing: comma, plain, plain_comma or whole_dot."""
    match style:
        case "plain":
            return f"{amount:.2f}"
        case "plain_comma":
            return f"{amount:.2f}".replace(".", ",")
        case "whole_dot":
            return f"{int(amount):,}".replace(",", ".")
        case _:
            return f"{amount:,.2f}"


def _amount(style: str, random: Random) -> Decimal:
    colones = random.randrange(200, 40_000) * 5
    cents = 0 if style == "whole_dot" else random.choice((0, 0, 0, random.randrange(100)))
    return Decimal(colones * 100 + cents) / 100


def _merchant(form: str, random: Random) -> str:
    shop, city = random.choice(_SHOPS), random.choice(_CITIES)
    match form.split():
        case ["spread", country]:
            return f"{shop:<25} {city:<13} {country}"
        case ["cities"]:
            return f"{shop} {city.title()} Costa Rica"
        case _:
            return shop


def _reference(form: int | str, local: datetime, serial: int) -> str:
    if form == "sinpe":
        return f"{local:%Y%m%d}15222{serial * _SCATTER % 10**12:012d}"
    digits = int(form)
    return f"{(serial * _SCATTER + 10 ** (digits - 1)) % 10**digits:0{digits}d}"
