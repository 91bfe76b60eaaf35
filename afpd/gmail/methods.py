"""The methods of the Gmail API that afpd calls, by the names of Google's quota table."""

from enum import StrEnum


class Method(StrEnum):
    """One method of the API; its value is the key in the table of quota units."""

    PROFILE = "getProfile"
    HISTORY = "history.list"
    SEARCH = "messages.list"
    MESSAGE = "messages.get"
