"""A browser as far as signing in needs one: it shows pages, fills their form in, and follows redirects."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import aiohttp

_HTML = {"Accept": "text/html,application/xhtml+xml"}


@dataclass
class Form:
    """The form of a page: where it goes, and its fields with what is chosen in them."""

    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form = Form()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form.action = given.get("action", "")
        if tag != "input":
            return
        name, value = given["name"], given["value"]
        self.form.choices.setdefault(name, []).append(value)
        if given["type"] == "hidden" or "checked" in given:
            self.form.fields.append((name, value))


async def sign_in(
    url: str, *, account: str | None = None, untick: str | None = None, decision: str = "allow", follow: bool = True
) -> tuple[int, str]:
    """Open the consent page, decide, and return the status and text of the page that one ends at.

    Without `follow`: the status of the redirect and the address that the browser would show.
    """
    async with aiohttp.ClientSession(headers=_HTML) as browser:
        async with browser.get(url) as page:
            assert page.status == 200, await page.text()
            reader = _Reader()
            reader.feed(await page.text())
        fields = [(name, value) for name, value in reader.form.fields if value != untick]
        if account is not None:
            assert account in reader.form.choices["account"]
            fields = [(name, account if name == "account" else value) for name, value in fields]
        target = urljoin(url, reader.form.action)
        data = aiohttp.FormData([*fields, ("decision", decision)])
        async with browser.post(target, data=data, allow_redirects=follow) as page:
            return page.status, await page.text() if follow else page.headers["Location"]
