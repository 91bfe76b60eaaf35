"""The same mail in another form that changes nothing of what it says: structure, encoding, blanks, tags, noise."""

import random
import re
import unicodedata
from collections.abc import Callable
from email.header import Header
from email.message import Message

from banks.mutations.contents import html_of, in_body, in_texts, mail, many, part, text_of
from banks.mutations.letters import Letter
from banks.mutations.rendered import flowed, wrapped

FOOTER = (
    "Aproveche: hasta CRC 99,999.00 en compras y 12 cuotas de 1.234,56. Promoción de $5.000,00 hasta el 31/12/2031. "
    "Your available balance may differ: $9,876.54."
)
PREHEADER = (
    '<div style="display:none;max-height:0px;overflow:hidden">Monto: CRC 1.00 Total: $ 5.00 Fecha: 01/01/2020</div>'
    "<style>.a{width:402.81px;margin:1,340.00px}</style><!-- Monto: 7,777.00 -->"
)


def _html(letter: Letter, html: str, **how: str) -> bytes:
    return mail(letter, part(html, html=True, **how))


def _plain(letter: Letter, text: str, **how: str) -> bytes:
    return mail(letter, part(text, html=False, **how))


def _words(dice: random.Random, change: Callable[[str], str], share: float) -> Callable[[str], str]:
    def some(text: str) -> str:
        return re.sub(
            r"&#?\w+;|\w{4,}", lambda hit: hit[0] if hit[0][0] == "&" or dice.random() > share else change(hit[0]), text
        )

    return some


def _blanks(dice: random.Random, ways: list[str]) -> Callable[[str], str]:
    return lambda text: re.sub(r"(?<=\S) (?=\S)", lambda _: dice.choice(ways), text)


def as_it_is(letter: Letter, _: random.Random) -> bytes:
    return letter.in_place()


def html_alone(letter: Letter, _: random.Random) -> bytes:
    return _html(letter, html_of(letter))


def text_alone(letter: Letter, _: random.Random) -> bytes:
    return _plain(letter, text_of(letter))


def text_with_blanks_between_cells(letter: Letter, _: random.Random) -> bytes:
    return _plain(letter, text_of(letter, " "))


def text_with_stars(letter: Letter, _: random.Random) -> bytes:
    return _plain(letter, "[image: Logo]\n" + text_of(letter, bold=True) + "<https://bank.example/a?b=1,234.00>\n")


def text_wrapped(letter: Letter, _: random.Random) -> bytes:
    return _plain(letter, wrapped(text_of(letter)))


def text_flowed(letter: Letter, _: random.Random) -> bytes:
    leaf = part(flowed(text_of(letter)), html=False)
    leaf.set_param("format", "flowed")
    return mail(letter, leaf)


def text_quoted(letter: Letter, _: random.Random) -> bytes:
    return _plain(letter, "\n".join(f"> {line}" for line in text_of(letter).split("\n")))


def blank_text_beside_html(letter: Letter, _: random.Random) -> bytes:
    return mail(letter, many("alternative", part(" \n\u00a0\n", html=False), part(html_of(letter), html=True)))


def parts_in_parts(letter: Letter, _: random.Random) -> bytes:
    picture = Message()
    picture["Content-Type"] = 'image/png; name="logo.png"'
    picture["Content-Transfer-Encoding"] = "base64"
    picture.set_payload("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ")
    related = many("related", part(html_of(letter), html=True), picture)
    inner = many("alternative", part(text_of(letter), html=False), related)
    terms = part("Condiciones: hasta CRC 5,000.00", html=False)
    terms["Content-Disposition"] = 'attachment; filename="condiciones.txt"'
    return mail(letter, many("mixed", many("report", inner), terms))


def html_as_attachment(letter: Letter, _: random.Random) -> bytes:
    leaf = part(html_of(letter), html=True, encoding="base64")
    leaf.replace_header("Content-Type", 'application/octet-stream; name="aviso.html"')
    leaf["Content-Disposition"] = 'attachment; filename="aviso.html"'
    return mail(letter, many("mixed", part(" ", html=False), leaf))


def soft_breaks_anywhere(letter: Letter, dice: random.Random) -> bytes:
    leaf = part(html_of(letter), html=True)
    text = str(leaf.get_payload()).replace("=\n", "")
    tokens = re.findall(r"=[0-9A-F]{2}|.|\n", text)
    line, out = 0, []
    for token in tokens:
        if token == "\n" or line > dice.randint(5, 60):
            out.append("\n" if token == "\n" else "=\n")
            line = 0
        if token != "\n":
            out.append(token)
            line += 1
    leaf.set_payload("".join(out))
    return mail(letter, leaf)


def base64_in_odd_lines(letter: Letter, dice: random.Random) -> bytes:
    leaf = part(html_of(letter), html=True, encoding="base64")
    text, width = str(leaf.get_payload()).replace("\n", ""), dice.randint(17, 75)
    leaf.set_payload("\n".join(text[at : at + width] for at in range(0, len(text), width)))
    return mail(letter, leaf)


def utf8_under_a_stale_charset(letter: Letter, _: random.Random) -> bytes:
    raw = _html(letter, html_of(letter), charset="utf-8", encoding="8bit")
    return raw.replace(b'charset="utf-8"', b'charset="iso-8859-1"')


def latin1(letter: Letter, _: random.Random) -> bytes:
    return _html(letter, html_of(letter), charset="iso-8859-1")


def windows1252_under_utf8(letter: Letter, _: random.Random) -> bytes:
    raw = _html(letter, html_of(letter), charset="cp1252", encoding="8bit")
    return raw.replace(b'charset="cp1252"', b'charset="utf-8"')


def latin1_text_without_a_charset(letter: Letter, _: random.Random) -> bytes:
    text = text_of(letter)
    charset = "iso-8859-1" if text.isascii() or _fits(text, "iso-8859-1") else "utf-8"
    return _plain(letter, text, charset=charset).replace(f'; charset="{charset}"'.encode(), b"")


def _fits(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def utf16(letter: Letter, _: random.Random) -> bytes:
    return _html(letter, html_of(letter), charset="utf-16", encoding="base64")


def runs_of_blanks(letter: Letter, dice: random.Random) -> bytes:
    return _html(letter, in_texts(html_of(letter), _blanks(dice, [" ", "  ", "\n\t ", "   \r\n", "\t"])))


def blanks_that_do_not_break(letter: Letter, dice: random.Random) -> bytes:
    return _html(
        letter, in_texts(html_of(letter), _blanks(dice, ["&nbsp;", " &nbsp;", "\u00a0", "&#160;", " ", "&#8201;"]))
    )


def marks_without_width(letter: Letter, dice: random.Random) -> bytes:
    marks = ["&zwnj;", "\u200b", "&#847;", "\u00ad", "&zwj;", "\ufeff", "&#8203;"]
    change = _words(dice, lambda word: word[:2] + dice.choice(marks) + word[2:], 0.4)
    return _html(letter, in_texts(html_of(letter), change))


def footer_with_amounts(letter: Letter, _: random.Random) -> bytes:
    return _html(letter, in_body(html_of(letter), "", f"<hr><p>{FOOTER}</p>"))


def text_with_a_footer(letter: Letter, _: random.Random) -> bytes:
    return _plain(letter, f"{text_of(letter)}\n\n{FOOTER}\n")


def hidden_preheader(letter: Letter, _: random.Random) -> bytes:
    return _html(letter, in_body(html_of(letter), PREHEADER, ""))


def unclosed_tags(letter: Letter, _: random.Random) -> bytes:
    html = re.sub(r"(?i)</(?:td|tr|th|tbody|thead|li|body|html)>", "", html_of(letter))
    return _html(letter, html)


def tags_in_capitals(letter: Letter, _: random.Random) -> bytes:
    html = re.sub(r"</?[a-zA-Z][a-zA-Z0-9]*", lambda hit: hit[0].upper(), html_of(letter))
    return _html(letter, re.sub(r'="([a-z0-9]+)"', r"=\1", html))


def tables_in_tables(letter: Letter, dice: random.Random) -> bytes:
    depth = dice.randint(2, 7)
    before = '<table width="100%"><tbody><tr><td width=9>&nbsp;</td><td>' * depth
    return _html(letter, in_body(html_of(letter), before, "</td></tr></tbody></table>" * depth))


def tags_within_words(letter: Letter, dice: random.Random) -> bytes:
    ways = ["<span>{}</span>", '<font color="#333">{}</font>', "<b>{}</b>", "<wbr>{}", "<span class=SpellE>{}</span>"]
    change = _words(dice, lambda word: word[:2] + dice.choice(ways).format(word[2:]), 0.4)
    return _html(letter, in_texts(html_of(letter), change))


def wrapped_texts(letter: Letter, dice: random.Random) -> bytes:
    def change(text: str) -> str:
        return re.sub(
            r"^(\s*)(\S.*?)(\s*)$",
            rf"\1<span><font size={dice.randint(1, 3)}>\2</font></span>\3",
            text,
            flags=re.DOTALL,
        )

    return _html(letter, in_texts(html_of(letter), change))


def letters_as_entities(letter: Letter, dice: random.Random) -> bytes:
    def change(text: str) -> str:
        return re.sub(r"&#?\w+;|[^\s&]", one, text)

    def one(hit: re.Match[str]) -> str:
        char = hit[0]
        if len(char) > 1 or (char.isascii() and dice.random() < 0.8):
            return char
        return f"&#{ord(char)};" if dice.random() < 0.5 else f"&#x{ord(char):x};"

    return _html(letter, in_texts(html_of(letter), change), charset="us-ascii")


def accents_apart(letter: Letter, _: random.Random) -> bytes:
    return _html(letter, unicodedata.normalize("NFD", html_of(letter)))


def text_with_accents_apart(letter: Letter, _: random.Random) -> bytes:
    return _plain(letter, unicodedata.normalize("NFD", text_of(letter)))


def subject_in_pieces(letter: Letter, dice: random.Random) -> bytes:
    raw = letter.in_place()
    head, _, body = raw.partition(b"\r\n\r\n")
    pieces, rest = [], letter.subject
    while rest:
        size = dice.randint(3, 12)
        pieces.append(Header(rest[:size], "utf-8", maxlinelen=400).encode())
        rest = rest[size:]
    fields = re.sub(rb"(?mi)^subject:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", b"", head).replace(b"\r\n\r\n", b"\r\n")
    return b"Subject: " + "\r\n ".join(pieces).encode() + b"\r\n" + fields.lstrip() + b"\r\n\r\n" + body


def bare_line_feeds(letter: Letter, _: random.Random) -> bytes:
    return letter.in_place().replace(b"\r\n", b"\n")


FORMS: dict[str, Callable[[Letter, random.Random], bytes]] = {
    form.__name__.replace("_", " "): form
    for form in (
        as_it_is,
        html_alone,
        text_alone,
        text_with_blanks_between_cells,
        text_with_stars,
        text_wrapped,
        text_flowed,
        text_quoted,
        blank_text_beside_html,
        parts_in_parts,
        html_as_attachment,
        soft_breaks_anywhere,
        base64_in_odd_lines,
        utf8_under_a_stale_charset,
        latin1,
        windows1252_under_utf8,
        latin1_text_without_a_charset,
        utf16,
        runs_of_blanks,
        blanks_that_do_not_break,
        marks_without_width,
        footer_with_amounts,
        text_with_a_footer,
        hidden_preheader,
        unclosed_tags,
        tags_in_capitals,
        tables_in_tables,
        tags_within_words,
        wrapped_texts,
        letters_as_entities,
        accents_apart,
        text_with_accents_apart,
        subject_in_pieces,
        bare_line_feeds,
    )
}
