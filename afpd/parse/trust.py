"""Whom the configuration believes."""

from afpd.config.sections import BanksSettings
from afpd.parse.authenticity import Forwards, Policy, Trust


def policy_of(banks: BanksSettings) -> Policy:
    """Return what is asked of the mails of all banks that are no exception."""
    return Policy(banks.authentication.value)


def trust_of(banks: BanksSettings) -> Trust:
    """Return which banks are exceptions, and which mails that a person passed on are booked."""
    exceptions = (exception.partition("=") for exception in banks.exceptions)
    return Trust({code: Policy(policy) for code, _, policy in exceptions}, Forwards(banks.forwarded.value))
