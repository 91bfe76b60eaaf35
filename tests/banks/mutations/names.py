"""Merchants and people that stand in no bank file, with all that names may hold."""

import random

SHOPS = (
    "SODA {w}, S.A. EN EL PARQUE Y 24-7",
    "*{w} 506 8888-0000 CR",
    "{w}*{W} {n}",
    "{w} * {W}",
    "X {n}% D'{w}",
    "{w} & CO. #{n}",
    "TIENDA DE {w} Y {W}",
    "{w} EN {W} EN LINEA",
    "CAFÉ ÑANDÚ {w}",
    "{w}.COM/AYUDA 800-555-{n}",
    "{n} {w}",
    "DL*{w} {n}{W}",
    "{w}-{W} (SUC. {n})",
    "{w}, {W} & HIJOS",
    "O'{w} PUB",
    "{w}+{W}",
    "Pulpería La {w}",
    "{w}_{W}",
    "{w} CON {W} POR MAYOR",
    "LA {w} DEL {W} CR",
    "{w} US {n}",
    "A {w}",
    "EL {w} {n} - {W}",
    "{w}/{W}",
    "MONTO {w}",
    "{w} S.A.",
    "{w}!",
    "SUPER {w} #{n} SAN JOSE CR",
)
WORDS = [
    "ALBORADA",
    "BRISA",
    "CEIBAL",
    "DORADO",
    "ENCINO",
    "FARALLON",
    "GUARUMO",
    "HORIZONTE",
    "ISLEÑA",
    "JACINTO",
    "LUCERO",
    "MALINCHE",
    "NISPERO",
]
WORDS += ["OCASO", "POROMA", "QUETZAL", "ROBLEDAL", "SAUCE", "TURQUESA", "URRACA", "VOLCAN", "YIGUIRRO", "ZAFIRO"]
PEOPLE = (
    "{f} {s} {t}",
    "{s} {t} {f}",
    "{f} de la {s}",
    "{f} {s}-{t}",
    "{f} D'{s}",
    "Ma. {f} {s}",
    "{f} {t} y {s}",
)
FIRST = ["Ágata", "Bermudo", "Casilda", "Dunstan", "Eufemia", "Fermín", "Gumersindo", "Hortensia", "Íñigo", "Leocadia"]
LAST = [
    "Abarca",
    "Bolaños",
    "Cascante",
    "Delgadillo",
    "Echandi",
    "Güell",
    "Hidalgo",
    "Jarquín",
    "Lépiz",
    "Muñoz",
    "Ñurinda",
    "Zamora",
]
FULL_WIDTH = "ＡＲＡＩＴＯ　ＳＴＯＲＥ", "ミナモ　ショクドウ", "カ）ヤマビコ", "ＨＯＳＨＩ＊ＮＥＴ", "青葉書店"


def another(dice: random.Random, old: str, *, person: bool) -> str:
    """Return another name in the manner of the old one: of a shop or a person, in capitals or not."""
    if any("\u3000" <= char <= "\uffef" for char in old):
        return dice.choice(FULL_WIDTH)
    if person:
        first, last, third = dice.choice(FIRST), dice.choice(LAST), dice.choice(LAST)
        name = dice.choice(PEOPLE).format(f=first, s=last, t=third)
    else:
        one, two = dice.choice(WORDS), dice.choice(WORDS)
        name = dice.choice(SHOPS).format(w=one, W=two, n=dice.randint(2, 9999))
    return name.upper() if old.isupper() else name
