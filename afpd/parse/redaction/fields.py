"""The fields of a mail's header, and of the headers of its parts, redacted one by one."""

from datetime import timedelta, timezone
from email.charset import QP, Charset
from email.header import Header
from email.utils import format_datetime

from afpd.parse.charset import decoded_words
from afpd.parse.message import date_header
from afpd.parse.redaction.disguise import YEARS, Disguise
from afpd.parse.search import Encoded, Pattern

QUOTED = Pattern(r"(?P<name>[\w:-]+)\s*=\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"'>]+)")
_KEPT_VALUES = Pattern(
    r"(?i)\b(?:mx\.google\.com|(?:dkim|spf|dmarc|arc)=\w+|\((?:p|sp|dis)=[^)]*\)|header\.(?:from|i)=@?[\w.-]+)"
)
_WORDY = frozenset((b"subject", b"from", b"to", b"cc", b"reply-to", b"sender", b"delivered-to", b"x-forwarded-to"))
_STRUCTURAL = frozenset((b"mime-version", b"content-transfer-encoding", b"date"))


def fields(raw: bytes, disguise: Disguise) -> bytes:
    """Redact fields one by one; lines that are none, such as boundaries, are left."""
    unified = raw.replace(b"\r\n", b"\n")
    found: list[bytes] = []
    for line in unified.split(b"\n"):
        if line[:1] in (b" ", b"\t") and found and b":" in found[-1].split(b"\n", 1)[0]:
            found[-1] += b"\n" + line
        else:
            found.append(line)
    return b"\r\n".join(_field(one, disguise).replace(b"\n", b"\r\n") for one in found)


def _field(field: bytes, disguise: Disguise) -> bytes:
    name, colon, value = field.partition(b":")
    key = name.strip().lower()
    if not colon or b" " in key or key.startswith(b"--"):
        return field
    text = decoded_words(" ".join(part.strip() for part in value.decode("utf-8", "replace").split("\n")))
    if key == b"date":
        return name + b": " + _date(text, disguise).encode()
    if key == b"authentication-results":
        return name + colon + _results(value.decode("utf-8", "replace"), disguise).encode("ascii", "replace")
    if key.startswith(b"content-type"):
        return name + b": " + _content_type(text, disguise).encode("ascii", "replace")
    if key in _STRUCTURAL:
        return field
    if key in _WORDY:
        return name + b": " + _wordy(text, disguise)
    if key == b"content-disposition":
        return name + b": " + _file_names(text, disguise).encode("ascii", "replace")
    return name + colon + disguise.letters(value.decode("utf-8", "replace")).encode("ascii", "replace")


def _date(text: str, disguise: Disguise) -> str:
    """Return the same moment 28 years on, in a zone that tells nothing."""
    moment = date_header(text)
    zone = timezone(timedelta(hours=1 + int(disguise.number("5")) % 9))
    return format_datetime(moment.replace(year=moment.year + YEARS).astimezone(zone)) if moment else ""


def _wordy(text: str, disguise: Disguise) -> bytes:
    told = disguise.text(text)
    if told.isascii():
        return told.encode()
    name, mark, address = told.rpartition(" <")
    words = Header(name if mark else told, _quoted_printable()).encode(linesep="\n")
    return (f"{words} <{address}" if mark else words).encode()


def _quoted_printable() -> Charset:
    """Return UTF-8 as header words without groups of digits; base64 may happen to have one."""
    charset = Charset("utf-8")
    charset.header_encoding = QP
    return charset


def _results(value: str, disguise: Disguise) -> str:
    """Keep what the receiving service found of the sender's domains, and nothing else."""
    within, pieces, at = Encoded(value), [], 0
    for start, end in _KEPT_VALUES.spans(within):
        pieces += [_scrambled(value[at:start], disguise), value[start:end]]
        at = end
    return "".join([*pieces, _scrambled(value[at:], disguise)])


def _scrambled(text: str, disguise: Disguise) -> str:
    """Scramble the words of a result that are keys and addresses; the names of properties stay."""
    pieces, at = [], 0
    for hit in QUOTED.each(Encoded(text)):
        start, end = hit.spans()["value"]
        pieces += [disguise.text(text[at:start]), disguise.letters(text[start:end])]
        at = end
    return "".join([*pieces, disguise.text(text[at:])])


def _content_type(text: str, disguise: Disguise) -> str:
    kind, _, _ = text.partition(";")
    told = _file_names(text, disguise)
    if kind.strip().lower().startswith("text/") and "charset" in told.lower():
        at = told.lower().index("charset")
        return f"{told[:at]}charset=utf-8"
    return told


def _file_names(text: str, disguise: Disguise) -> str:
    pieces, at = [], 0
    for hit in QUOTED.each(Encoded(text)):
        start, end = hit.spans()["value"]
        if "name" in hit.texts()["name"].lower():
            value = text[start:end]
            stem, dot, ending = value.rpartition(".")
            pieces += [text[at:start], (disguise.letters(stem) + dot + ending) if dot else disguise.letters(value)]
            at = end
    return "".join([*pieces, text[at:]])
