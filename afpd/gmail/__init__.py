"""The only room that speaks to Google: mailboxes over REST, access tokens, and the consent that opens them.

async with open_session() as session:
    gmail = Gmail(session, settings.gmail, client, clock)
    mailbox = gmail.mailbox(Access(refresh_token, access_token, expires_at), address)
    newest = await mailbox.profile()
"""

from afpd.gmail.access import Access, Renewed
from afpd.gmail.assertion import Delegated
from afpd.gmail.client import Gmail
from afpd.gmail.consent import Consent, Granted, manual_redirect
from afpd.gmail.loopback import Loopback, listen_on_loopback
from afpd.gmail.mailbox import Mailbox
from afpd.gmail.query import bank_queries
from afpd.gmail.shapes import History, Profile, RawMessage, SearchPage
from afpd.gmail.transport import OutOfTime, open_session

__all__ = [
    "Access",
    "Consent",
    "Delegated",
    "Gmail",
    "Granted",
    "History",
    "Loopback",
    "Mailbox",
    "OutOfTime",
    "Profile",
    "RawMessage",
    "Renewed",
    "SearchPage",
    "bank_queries",
    "listen_on_loopback",
    "manual_redirect",
    "open_session",
]
