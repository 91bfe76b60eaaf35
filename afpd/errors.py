"""Errors, sorted by what the daemon does about them. Each has a row in docs/operations.md."""

from datetime import datetime


class AfpdError(Exception):
    """Anything that afpd itself reports: one clear sentence, and the exit code of a command that meets it."""

    exit_code = 1


class ConfigError(AfpdError):
    """The configuration is wrong: do not start."""

    exit_code = 78


class SchemaTooNew(ConfigError):
    """The database was written by a newer afpd: do not touch it."""


class SecretError(AfpdError):
    """A secret is missing, unreadable, or readable by others."""

    exit_code = 77


class AlreadyRunning(AfpdError):
    """Another `afpd run` holds this database, or somebody else holds the port."""

    exit_code = 75


class DaemonUnreachable(AfpdError):
    """No daemon answers at the status address."""

    exit_code = 69


class LoopBroken(AfpdError):
    """A loop of the daemon keeps failing on a bug, or is gone: end, so that systemd starts afresh."""


class NotFound(AfpdError):
    """The thing that was named does not exist."""


class StorageUnavailable(AfpdError):
    """The database refuses for now (disk full, read-only, locked): nothing moves, ask again."""


class VisitError(AfpdError):
    """Ends a visit of one integration; what follows is decided by its kind."""


class Unavailable(VisitError):
    """Gmail or the network failed for now: back off and come again.

    `until` is the UTC moment before which asking again is in vain, or None where nobody named one.
    """

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class EndpointDown(Unavailable):
    """Google's token endpoint fails for everybody: the integration keeps its turn, nothing is counted against it."""


class RateLimited(VisitError):
    """Gmail asks this mailbox to slow down: suspended until its time.

    `until` is the UTC moment that Gmail named, or None where it named none.
    """

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class AccessRevoked(VisitError):
    """The grant is gone (invalid_grant): once confirmed, a person must sign in again.

    `subtype` is Google's error_subtype, empty where it gave none.
    """

    def __init__(self, message: str, subtype: str = "") -> None:
        super().__init__(message)
        self.subtype = subtype


class AccessDenied(VisitError):
    """The grant is there but does not suffice (scope, admin policy, no mailbox): a person must mend it."""


class WrongMailbox(AccessDenied):
    """The token opens another mailbox than the integration's."""


class RequestRefused(VisitError):
    """Gmail calls our request invalid: a bug of ours, never retried, loud."""


class CursorExpired(VisitError):
    """The start of the history is too old: search the gap and take a new cursor. Never an account error."""


class BudgetSpent(VisitError):
    """The budget has no units left for this visit now: it ends well, keeps its place, and goes on at its next turn."""


class MessageGone(VisitError):
    """The message was deleted between list and get: count it and go on."""


class MessageUnreadable(VisitError):
    """Gmail answered for this one message with something that is no message."""


class ProjectError(AfpdError):
    """Concerns the whole Google project: stop asking for everyone, one loud line, look again later.

    `until` is the UTC moment to look again, or None for the caller's own pause.
    """

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class QuotaExhausted(ProjectError):
    """The project's quota is used up, for the minute or for the day."""


class ClientRejected(ProjectError):
    """Google refuses the client itself (invalid_client, API off): the operator's to mend."""


class ReadingError(AfpdError):
    """A mail could not be turned into a transaction; the sentence says which field and why."""


class Mismatch(ReadingError):
    """A template that should fit does not."""


class BadValue(ReadingError):
    """A template fits, but a value in the mail is not what it must be."""


class TemplateError(AfpdError):
    """A bank file or a template in it is wrong, or does not prove: it is never activated."""
