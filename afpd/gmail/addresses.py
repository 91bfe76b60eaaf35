"""Whether two addresses name one mailbox."""

_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def same_mailbox(one: str, other: str) -> bool:
    """Tell whether two addresses open the same mailbox.

    Case does not count, nor do dots and a +suffix before @gmail.com (Gmail help, "Dots don't matter in Gmail
    addresses").
    """
    return one == other or _canonical(one) == _canonical(other)


def _canonical(address: str) -> tuple[str, str]:
    local, _, domain = address.strip().casefold().rpartition("@")
    if domain in _GMAIL:
        return local.partition("+")[0].replace(".", ""), "gmail.com"
    return local, domain
