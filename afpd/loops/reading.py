"""Reading kept mails: what the parsing loop and a replay both do with a chunk, away from the event loop."""

from collections.abc import Sequence

from afpd.errors import SecretError
from afpd.keyring import Keyring
from afpd.log import get
from afpd.model import Outcome, Reading
from afpd.parse.authenticity import Policy
from afpd.parse.library import Library
from afpd.store.emails import PendingEmail
from afpd.store.sealed import open_body

log = get("parsing")


def read_chunk(chunk: Sequence[PendingEmail], keyring: Keyring, library: Library, policy: Policy) -> list[Reading]:
    """Read each mail; a mail that breaks the reader is `failed` with that reason and does not touch the others."""
    return [_read(email, keyring, library, policy) for email in chunk]


def broken(error: Exception, bank: str | None = None) -> Reading:
    """Return the reading of a mail that met a bug. The bug's own text may quote the mail, so it is only named."""
    return _unread(f"a bug of afpd met this mail ({type(error).__name__}); the log has its traceback", bank)


def _read(email: PendingEmail, keyring: Keyring, library: Library, policy: Policy) -> Reading:
    if email.user_id is None:
        return _unread("the integration of this mail is gone, so nobody owns what it tells")
    if email.received_at is None:
        return _unread("nothing tells when this mail came")
    if email.body is None:
        return _unread("the body of this mail is no longer kept, so it cannot be read")
    try:
        raw = open_body(keyring, email.integration_id, email.email_message_id, email.body)
        return library.read(raw, received_at=email.received_at, owner=email.email_account, policy=policy)
    except SecretError as error:
        return _unread(str(error))
    except Exception as error:
        log.exception("parsing.mail_broke", email_parsing_job_id=email.id)
        return broken(error)


def _unread(why: str, bank: str | None = None) -> Reading:
    return Reading(Outcome.FAILED, why, bank, says_nothing=True)
