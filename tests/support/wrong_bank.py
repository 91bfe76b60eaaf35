"""A bank file that proves and still reads wrong: it takes the city for the merchant, and knows purchases alone."""

from afpd.banks import BankSource, shipped
from afpd.parse.library import Library, load_library

_HEAD = """\
format = 1

[bank]
code = "cr-bac"
name = "BAC Credomatic"
country = "CR"
currency = "CRC"
zone = "America/Costa_Rica"
domains = ["baccredomatic.cr", "notificacionesbaccr.com"]

[[sender]]
address = "NotificacionBAC@baccredomatic.cr"

[[sender]]
address = "notificacion@notificacionesbaccr.com"

[[template]]
name = "card"
must = ['tipo de transaccion']
must_not = ['rechazada']
numbers = "comma-point"
dates = ["mon d y"]
kind = "purchase"
direction = "debit"
stops = ["comercio", "autorizacion", "referencia", "tipo de transaccion"]

[template.fields.merchant]
labels = ["ciudad y pais"]

[template.fields.date]
labels = ["fecha"]

[template.fields.amount]
labels = ["monto"]

[template.fields.account]
pattern = 'visa: (?P<value>{{mask}})'
"""
_SAMPLE = """
[[template.sample]]
received = 2026-09-19T01:30:00Z
text = '''
Comercio: {shop}
Ciudad y país: {city}
Fecha: Sep 18, 2026 , 19:24
VISA: ************1234
Autorización: 123456
Referencia: 600012345678
Tipo de Transacción: COMPRA
Monto: CRC {amount}
'''

[[template.sample.expect]]
kind = "purchase"
direction = "debit"
status = "approved"
amount = "{plain}"
currency = "CRC"
occurred_at = "2026-09-18T19:24:00-06:00"
dated_by = "body"
merchant = "{city}"
account = "1234"
"""


def wrong_library() -> Library:
    """The shipped banks, one of them replaced by the wrong file."""
    samples = [("SODA", "SAN JOSE", "7,410.00", "7410.00"), ("NUBE", "HEREDIA", "15.00", "15.00")]
    texts = [_SAMPLE.format(shop=a, city=b, amount=c, plain=d) for a, b, c, d in samples]
    return load_library([*shipped(), BankSource("wrong.toml", _HEAD + "".join(texts))])
