"""The same mail as a person passes it on: Gmail's, Outlook's and Apple's quoted headers, and as an attachment."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes
from email.header import Header, decode_header, make_header
from email.message import Message
from email.utils import format_datetime, parseaddr
from html import escape

from banks.mutations.contents import html_of, many, part, text_of
from banks.mutations.letters import Letter

ES_DAYS = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"]
ES_MONTHS = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
]
ES_SHORT = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"]
PERSON = "Zoraida Ulate", "zoraida.ulate@example.com"


def mail(letter: Letter, content: Message, mark: str) -> bytes:
    """Return a person's mail that carries a content; DMARC vouches for the person alone."""
    head = Message()
    when = letter.received + timedelta(hours=31)
    head["Delivered-To"] = "zoraida.ulate@example.com"
    head["Authentication-Results"] = "mx.google.com; dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com"
    head["Date"] = format_datetime(when)
    head["From"] = f"{PERSON[0]} <{PERSON[1]}>"
    head["To"] = f"{Header(_to(letter)[0], 'utf-8').encode()} <{_to(letter)[1]}>"
    head["Subject"] = Header(f"{mark}: {letter.subject}", "utf-8").encode()
    head["MIME-Version"] = "1.0"
    for name, value in content.items():
        head[name] = value
    head._payload = content._payload  # get_payload would decode bytes of 8 bits
    return head.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _from(letter: Letter) -> tuple[str, str]:
    return parseaddr(str(letter.message["From"]).replace("\n", " "))


def _to(letter: Letter) -> tuple[str, str]:
    name, address = parseaddr(str(letter.message["To"]).replace("\n", " "))
    return str(make_header(decode_header(name))) if name else "", address


def gmail_text_es(letter: Letter, _: random.Random) -> bytes:
    at = letter.received
    name, address = _from(letter)
    when = f"{ES_DAYS[at.weekday()][:3]}, {at.day} {ES_SHORT[at.month - 1]} {at.year} a la(s) {at:%H:%M}"
    head = f"---------- Forwarded message ---------\nDe: {name or 'Banco'} <{address}>\nDate: {when}\n"
    head += f"Subject: {letter.subject}\nTo: <{_to(letter)[1]}>\n\n\n"
    return mail(letter, part(head + text_of(letter, bold=True), html=False), "Fwd")


def gmail_html_en(letter: Letter, _: random.Random) -> bytes:
    at = letter.received
    name, address = _from(letter)
    when = f"{at:%a, %b} {at.day}, {at.year} at {at.hour % 12 or 12}:{at:%M}\u202f{at:%p}"
    head = (
        '<div dir="ltr">Mira<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>'
        f'From: <b class="gmail_sendername" dir="auto">{escape(name) or "Banco"}</b> <span dir="auto">&lt;<a href="mailto:{address}">{address}</a>&gt;</span><br>'
        f"Date: {when}<br>Subject: {escape(letter.subject, quote=False)}<br>To:  &lt;<a>{_to(letter)[1]}</a>&gt;<br></div><br><br>"
    )
    html = part(head + html_of(letter) + "</div></div>", html=True)
    return mail(letter, many("alternative", part("Mira\n", html=False), html), "Fwd")


def outlook_text_es(letter: Letter, _: random.Random) -> bytes:
    at = letter.received
    name, address = _from(letter)
    when = f"{ES_DAYS[at.weekday()]}, {at.day} de {ES_MONTHS[at.month - 1]} de {at.year} {at:%H:%M}"
    head = f"\n\n________________________________\nDe: {name} <{address}>\nEnviado: {when}\n"
    head += f"Para: {_to(letter)[0]} <{_to(letter)[1]}>\nAsunto: {letter.subject}\n\n"
    return mail(letter, part(head + text_of(letter), html=False), "RV")


def outlook_html_en(letter: Letter, _: random.Random) -> bytes:
    at = letter.received
    name, address = _from(letter)
    when = f"{at:%A, %B} {at.day}, {at.year} {at.hour % 12 or 12}:{at:%M %p}"
    head = (
        '<html><body><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class="MsoNormal">'
        f"<b>From:</b> {escape(name)} &lt;{address}&gt; <br><b>Sent:</b> {when}<br>"
        f"<b>To:</b> {_to(letter)[1]}<br><b>Subject:</b> {escape(letter.subject, quote=False)}<o:p></o:p></p></div><p>&nbsp;</p>"
    )
    return mail(letter, part(head + html_of(letter) + "</body></html>", html=True), "FW")


def apple_text_es(letter: Letter, _: random.Random) -> bytes:
    at = letter.received
    name, address = _from(letter)
    when = f"{at.day} de {ES_MONTHS[at.month - 1]} de {at.year}, {at:%H:%M:%S}"
    head = f"Inicio del mensaje reenviado:\n\nDe: {name} <{address}>\nAsunto: {letter.subject}\nFecha: {when}\nPara: {_to(letter)[1]}\n\n"
    quoted = "\n".join(f"> {line}" for line in (head + text_of(letter)).split("\n"))
    return mail(letter, part(f"\n\nEnviado desde mi iPhone\n\n{quoted}", html=False), "Fwd")


def apple_html_en(letter: Letter, _: random.Random) -> bytes:
    at = letter.received
    name, address = _from(letter)
    when = f"{at:%B} {at.day}, {at.year} at {at.hour % 12 or 12}:{at:%M:%S}\u202f{at:%p}"
    rows = (
        ("From", f"{escape(name)} &lt;<a>{address}</a>&gt;"),
        ("Subject", escape(letter.subject, quote=False)),
        ("Date", when),
    )
    head = "<html><body><div><br><blockquote type=cite><div>Begin forwarded message:</div><br>"
    for label, value in (*rows, ("To", _to(letter)[1])):
        head += f'<div style="margin:0"><span><b>{label}: </b></span><span>{value}<br></span></div>'
    return mail(
        letter, part(f"{head}<br><div>{html_of(letter)}</div></blockquote></div></body></html>", html=True), "Fwd"
    )


def attached_whole(letter: Letter, _: random.Random) -> bytes:
    inner = Message()
    inner["Content-Type"] = 'message/rfc822; name="aviso.eml"'
    inner["Content-Disposition"] = 'attachment; filename="aviso.eml"'
    inner.set_payload([_message(letter)])
    return mail(letter, many("mixed", part("Va adjunto\n", html=False), inner), "Fwd")


def _message(letter: Letter) -> Message:
    return message_from_bytes(letter.in_place())


FORWARDS: dict[str, Callable[[Letter, random.Random], bytes]] = {
    f"forwarded, {form.__name__.replace('_', ' ')}": form
    for form in (
        *(gmail_text_es, gmail_html_en, outlook_text_es, outlook_html_en, apple_text_es, apple_html_en),
        attached_whole,
    )
}


def told_of_a_forward(record: dict[str, object], letter: Letter) -> dict[str, object]:
    """Return what a forwarded mail tells: where the bank gives no date, the quoted header gives it to the minute."""
    told = []
    for one in record["transactions"]:  # type: ignore[attr-defined]
        if one["dated_by"] == "received":
            moment = datetime.fromisoformat(one["occurred_at"]) if "T" in one["occurred_at"] else letter.received
            told.append({**one, "occurred_at": moment.replace(second=0).isoformat()})
        else:
            told.append(one)
    return {**record, "transactions": told}
