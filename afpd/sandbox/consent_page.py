"""The consent page as a browser sees it: who signs in, what is allowed, and two buttons."""

from collections.abc import Iterable, Mapping
from html import escape

PAGE_TYPE = "text/html; charset=UTF-8"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox: sign in</title>
<body style="font-family:sans-serif;margin:3em auto;max-width:34em"><h1>afpd wants to read your mail</h1>
<p>This is a sandbox: nobody here is real.</p>
<form method="post" action="/auth">{hidden}
<fieldset><legend>Choose an account</legend>{people}</fieldset>
<fieldset><legend>afpd may</legend>{scopes}</fieldset>
<p><button name="decision" value="allow">Continue</button> <button name="decision" value="deny">Cancel</button></p>
</form></body></html>
"""
_MOST_PEOPLE = 50


def consent_page(query: Mapping[str, str], people: Iterable[str]) -> bytes:
    """Return the page for an authorization request; `people` are the addresses to choose from."""
    hint = query.get("login_hint", "").casefold()
    ordered = sorted(people, key=lambda address: (address != hint, address))[:_MOST_PEOPLE]
    chosen = ordered[0] if ordered else ""
    hidden = "".join(_field("hidden", name, value) for name, value in query.items() if name != "scope")
    return _PAGE.format(
        hidden=hidden,
        people="".join(_choice("radio", "account", one, checked=one == chosen) for one in ordered),
        scopes="".join(_choice("checkbox", "granted", one, checked=True) for one in query.get("scope", "").split()),
    ).encode()


def _choice(kind: str, name: str, value: str, *, checked: bool) -> str:
    return f"<label>{_field(kind, name, value, ' checked' if checked else '')} {escape(value)}</label><br>"


def _field(kind: str, name: str, value: str, more: str = "") -> str:
    return f'<input type="{kind}" name="{escape(name)}" value="{escape(value)}"{more}>'
