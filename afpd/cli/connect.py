"""`afpd integrations connect`: a person signs in with Google, and what was granted becomes an integration."""

import asyncio
import os
import sys
import webbrowser
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from afpd.cli import values
from afpd.cli.additions import add_one, ready_to_add, report, require_account
from afpd.cli.answer import hint
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading
from afpd.clock import SystemClock
from afpd.config import OAuthClient, Settings, read_client
from afpd.errors import WrongMailbox
from afpd.gmail import (
    Access,
    Consent,
    Delegated,
    Gmail,
    Granted,
    listen_on_loopback,
    manual_redirect,
    open_session,
)
from afpd.gmail.addresses import same_mailbox
from afpd.store import integrations as store
from afpd.store.integrations import NewIntegration

if TYPE_CHECKING:
    from aiohttp import ClientSession

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@verb("connect")
@click.option("--user", required=True, type=values.Checked("user", values.user), metavar="USER", help=values.WHOSE)
@values.email_option
@click.option("--manual", is_flag=True, help="No browser on this machine: paste the address it ends at elsewhere.")
@values.service_account_option
@values.every_option
def connect(
    call: Call, user: str, email: str | None, manual: bool, service_account: bool, every: timedelta | None
) -> None:
    """Let a person sign in with Google, and add what was granted.

    A mailbox that is known keeps its id, cursor and history: so one signs in again. --email, where it is given, must
    be the mailbox that the person chooses on Google's page. With --service-account nobody signs in: it is tried
    whether the service account may read the mailbox of --email.
    """
    settings = call.settings()
    if service_account:
        if email is None or manual:
            raise click.UsageError("--service-account needs --email, and no --manual: nobody signs in.")
        _try_delegation(settings, email)
        report(call, add_one(settings, NewIntegration(user, _known_spelling(settings, user, email), None, every)))
        return
    client = read_client(settings)
    ready_to_add(settings)
    granted = _granted(settings, client, email or "", manual)
    if email is not None and not same_mailbox(email, granted.email_address):
        raise WrongMailbox(
            f"the person signed in as {granted.email_address}, not as {email}: nothing was changed. Connect again and "
            "choose that account on Google's page, or leave --email out"
        )
    address = _known_spelling(settings, user, granted.email_address)
    report(call, add_one(settings, NewIntegration(user, address, granted.refresh_token, every)))


def _try_delegation(settings: Settings, email: str) -> None:
    """Let the service account open the mailbox once. Raises whatever a visit would meet."""
    account = require_account(settings)
    ready_to_add(settings)
    with asyncio.Runner() as runner:
        session = runner.run(_opened_session())
        try:
            gmail = Gmail(session, settings.gmail, None, SystemClock(), account=account)
            runner.run(gmail.mailbox(Access(Delegated(email)), email).profile())
        finally:
            runner.run(session.close())


def _granted(settings: Settings, client: OAuthClient, email: str, manual: bool) -> Granted:
    # Pasting happens between two runs of the event loop, so that Ctrl-C ends it at once.
    with asyncio.Runner() as runner:
        session = runner.run(_opened_session())
        try:
            consent = Consent(Gmail(session, settings.gmail, client, SystemClock()), settings.gmail, client)
            if not manual:
                return runner.run(_by_loopback(consent, email))
            redirect = manual_redirect()
            code = consent.code_from_pasted(_pasted(consent.url(redirect, email)))
            return runner.run(consent.exchange(code, redirect))
        finally:
            runner.run(session.close())


async def _opened_session() -> "ClientSession":
    return open_session()


async def _by_loopback(consent: Consent, email: str) -> Granted:
    async with listen_on_loopback(consent) as loopback:
        url = consent.url(loopback.redirect_uri, email)
        hint("Open this page in a browser on this machine (elsewhere: --manual):", url)
        if any(os.environ.get(name) for name in _DISPLAYS):
            await asyncio.to_thread(webbrowser.open, url)
        code = await loopback.code()
        return await consent.exchange(code, loopback.redirect_uri)


def _pasted(url: str) -> str:
    hint("Open this page in any browser:", url)
    hint("At the end the browser shows a page that does not load. Paste its whole address here and press Enter:")
    return sys.stdin.readline()


def _known_spelling(settings: Settings, user: str, address: str) -> str:
    """Return the address as an integration of this user already writes it, so that it is found again."""
    known = reading(settings, lambda connection: store.list_integrations(connection, user_id=user))
    return next((one.email_account for one in known if same_mailbox(one.email_account, address)), address)
