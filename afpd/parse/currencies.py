"""Currencies: their minor units (ISO 4217) and the words and signs that mails write for them."""

from collections.abc import Mapping

_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN "
    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

MINOR_UNITS: Mapping[str, int] = (
    dict.fromkeys(_TWO.split(), 2) | dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)
)

_WORDS: Mapping[str, tuple[str, ...]] = {
    "CRC": ("₡", "¢", "colon", "colones", "colon costa rica", "colones costa rica", "colones costarricenses"),
    "USD": (
        *("us$", "u$s", "usd$", "$us", "us dollar", "us dollars", "dollar", "dollars", "dolar", "dolares"),
        *("dolar us", "dolares us", "dolares usd", "dolar usa", "dolares usa", "dolares est", "dolares americanos"),
        *("dolares estadounidenses", "us dolares estadounidenses", "us"),
    ),
    "EUR": ("€", "euro", "euros"),
    "NIO": ("nic", "c$", "cordoba", "cordobas"),
    "DOP": ("rd$", "dop$", "rd", "rd pesos dominicanos", "pesos domi", "pesos dominicanos"),
    "MXN": ("mn", "m.n", "mx$", "pesos mexicanos"),
    "PEN": ("s/", "soles", "nuevos soles"),
    "INR": ("rs", "₹", "rupees"),
    "JPY": ("円", "¥", "yen"),
    "GBP": ("£",),
    "GTQ": ("quetzal", "quetzales"),
    "HNL": ("lempira", "lempiras"),
    "PAB": ("b/", "balboa", "balboas"),
}
_DOLLARS = "ARS AUD BBD BMD BSD BZD CAD CLP COP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD USD UYU XCD"

# Currencies that are written with a bare dollar sign where they are at home.
DOLLARS = frozenset(_DOLLARS.split())
_KNOWN = {code.lower(): code for code in MINOR_UNITS} | {word: code for code, words in _WORDS.items() for word in words}


def currency_words() -> frozenset[str]:
    """Return every code, word and sign that is known for a currency, folded."""
    return frozenset(_KNOWN)


def currency_of(words: str, signs: Mapping[str, str]) -> str | None:
    """Return the ISO code that folded words or a sign stand for, or None.

    `signs` are the bank's own meanings, such as {"$": "USD"}; they win over the general ones.
    """
    bare = words.strip(" :.\t")
    return signs.get(bare) or _KNOWN.get(bare)
