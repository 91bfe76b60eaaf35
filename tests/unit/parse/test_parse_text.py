"""From HTML and plain bodies to lines of cells, and the values behind labels."""

import pytest

from afpd.parse.labels import Labels
from afpd.parse.markup import of_html
from afpd.parse.text import of_plain


def test_a_row_is_a_line_of_cells() -> None:
    assert of_html("<table><tr><td><p>Monto:</p></td><td>\n<b>CRC&nbsp;5</b></td></tr></table>").body == "Monto:\tCRC 5"


def test_a_column_of_labels_beside_a_column_of_values_is_paired() -> None:
    text = of_html("<table><tr><td>Fecha:<br>Monto:</td><td>1/1/2026<br>5.00</td></tr></table>")
    assert text.body == "Fecha:\t1/1/2026\nMonto:\t5.00"


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display : NONE !important">CRC 1.00</div>',
        '<span style="visibility:hidden">CRC 1.00</span>',
        "<p hidden>CRC 1.00</p>",
        '<p style="height:0;overflow:hidden">CRC 1.00</p>',
        '<p style="position:absolute;clip:rect(0,0,0,0)">CRC 1.00</p>',
        '<style>td.no, .preheader { display : none !important }</style><p class="big Preheader">CRC 1.00</p>',
        "<style><!-- #pre{color:red;display:none} --></style><p id=pre>CRC 1.00</p>",
        "<style>.a{width:1.00px}</style>",
        "<script>var a = 1.00;</script>",
        "<!--[if mso]>CRC 1.00<![endif]-->",
        "<title>CRC 1.00</title>",
    ],
)
def test_what_nobody_sees_is_not_read(hidden: str) -> None:
    assert of_html(f"<body>{hidden}<p>Hola</p></body>").body == "Hola"


@pytest.mark.parametrize(
    "sheet",
    [
        "@media print { .x { display:none } }",
        "@media (max-width:600px) { .y{width:1px} .x{display:none} }",
        ".x{display:none} .x{display:block}",
        "/* .x{display:none} */ .x{color:red}",
        ".x .y{display:none}",
        "@import url(a.css); .y{display:none}",
    ],
)
def test_what_a_style_sheet_shows_on_this_screen_is_read(sheet: str) -> None:
    assert of_html(f'<style>{sheet}</style><p class="x">Hola</p>').body == "Hola"


def test_a_conditional_comment_for_everybody_shows_its_content() -> None:
    assert of_html("<p>a</p><!--[if !gte mso 9]><!--><p>b</p><!--<![endif]-->").body == "a\nb"


def test_invisible_marks_and_odd_blanks_go() -> None:
    assert of_plain("Mon\u200bto:\u00a0\u2007CRC\u034f 5").body == "Monto: CRC 5"


def test_decomposed_accents_match_composed_ones() -> None:
    assert of_plain("Autorizacio\u0301n").folded_body.text == "autorizacion"


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("en *PIXELB *Q7 Dublin IE* el *16*", "en PIXELB *Q7 Dublin IE el 16"),
        ("HELIOS * CLOUD", "HELIOS * CLOUD"),
        ("VISA ************4471", "VISA ************4471"),
        ("*NUBEMAR* PLAN* ok", "NUBEMAR* PLAN ok"),
        ("NUBEMAR* PLAN", "NUBEMAR* PLAN"),
        ("PP*TIENDA", "PP*TIENDA"),
        ("*COMERCIO: *COLMADO*LA SUR\n*MONTO: *5.00", "COMERCIO: COLMADO*LA SUR\nMONTO: 5.00"),
        ("*Comercio: *ESTRELLA 506*", "Comercio: *ESTRELLA 506"),
        ('Comercio: *EL "5"* *Aprobada*', 'Comercio: EL "5" Aprobada'),
    ],
)
def test_bold_marks_go_and_stars_of_names_stay(marked: str, plain: str) -> None:
    assert of_plain(marked).body == plain


def test_pictures_and_links_of_a_rendering_go() -> None:
    assert of_plain("[image: Logo] Hola <https://a.example/x?1.00> tú").body == "Hola tú"


def values(text: str, *, colons: bool = True) -> dict[str, str | None]:
    labels = Labels(["comercio", "referencia", "tipo de transaccion", "monto", "fecha"], colons)
    return {hit.label: hit.value for hit in labels.hits(of_plain(text))}


@pytest.mark.parametrize(
    "text",
    [
        "Comercio: LA ESPIGA\nMonto: CRC 5.00",
        "Comercio:\nLA ESPIGA\nMonto:\nCRC 5.00",
        "Comercio\n\nLA ESPIGA\nMonto\nCRC 5.00",
        "COMERCIO : LA ESPIGA\nMONTO : CRC 5.00",
        "| Comercio: | LA ESPIGA |\n| Monto: | CRC 5.00 |",
        "Comercio: LA ESPIGA Monto: CRC 5.00",
        "Comercio:LA ESPIGAMonto:CRC 5.00",
        "Comercio\tMonto\nLA ESPIGA\tCRC 5.00",
    ],
)
def test_a_value_is_found_behind_its_label_in_every_layout(text: str) -> None:
    assert values(text) == {"comercio": "LA ESPIGA", "monto": "CRC 5.00"}


@pytest.mark.parametrize(
    "text", ["Referencia:\nTipo de transacción:\nCOMPRA", "Referencia: Tipo de transacción: COMPRA"]
)
def test_a_label_without_value_is_null_and_not_the_next_label(text: str) -> None:
    assert values(text) == {"referencia": None, "tipo de transaccion": "COMPRA"}


def test_a_longer_label_is_not_a_shorter_one() -> None:
    assert values("Monto del pago: 5.00\nMonto: 6.00") == {"monto": "6.00"}


def test_without_colons_a_label_begins_its_line() -> None:
    assert values("Comercio LA ESPIGA\nMonto USD: 5", colons=False) == {"comercio": "LA ESPIGA", "monto": "USD: 5"}
    assert values("Su comercio LA ESPIGA", colons=False) == {}


@pytest.mark.parametrize("tag", ["<div>", "<b>", "<table><tr><td>a<td>", "<p>"])
def test_monstrous_html_is_not_read(tag: str) -> None:
    assert of_html(tag * 30_000).is_blank
