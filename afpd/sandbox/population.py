"""Who lives in the sandbox: a population of any size, or the nine of the demo; and the mail that keeps coming."""

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from afpd.sandbox.faults import Fault
from afpd.sandbox.letters import MONEY, PRIVATE, QUIET, layouts
from afpd.sandbox.sandbox import Sandbox

PAST = timedelta(days=20)
"""How far back the mails of a population lie."""

_PAYING = {layouts()[name].address for name in MONEY}
_FROM_PAYING = [name for name in QUIET if layouts()[name].address in _PAYING]
_QUIET_SHARE = 1 / 8
_PRIVATE_SHARE = 1 / 4

_WELL = ("ana", "bruno", "carla", "diego", "elena", "fabian")
LIMITED, REVOKED, SLOW = "gloria@example.com", "hugo@example.com", "ines@example.com"


def populate(sandbox: Sandbox, users: int, mails: int, seed: int) -> None:
    """Add `users` users with `mails` bank mails each, spread over `PAST`, and private mail among them."""
    for number in range(1, users + 1):
        address = f"user{number:05d}@example.com"
        sandbox.add_user(address)
        fill(sandbox, address, mails, random.Random(f"{seed}:{address}"))


def fill(sandbox: Sandbox, address: str, mails: int, choice: random.Random) -> None:
    """Deliver `mails` bank mails, oldest first, to a user; one in eight tells no transaction.

    All come from addresses that send money's mails too: a search for the banks' senders finds every one of them.
    """
    now = sandbox.clock.now()
    moments = sorted(now - PAST * choice.random() for _ in range(mails))
    for moment in moments:
        layout = choice.choice(_FROM_PAYING if choice.random() < _QUIET_SHARE else MONEY)
        sandbox.deliver(address, sandbox.write_letter(address, layout, moment))
        if choice.random() < _PRIVATE_SHARE:
            sandbox.deliver(address, sandbox.write_letter(address, choice.choice(PRIVATE), moment))


def people_of_the_demo(sandbox: Sandbox, mails: int, seed: int) -> None:
    """Add six users who are well, and one each who is rate limited again and again, revoked for ever, and slow."""
    for address in (*(f"{name}@example.com" for name in _WELL), LIMITED, REVOKED, SLOW):
        sandbox.add_user(address)
        fill(sandbox, address, mails, random.Random(f"{seed}:{address}"))
    sandbox.faults.add(Fault.RATE_429_TIMED, user=LIMITED, cycle=(5.0, 8.0))
    sandbox.faults.add(Fault.SLOW, user=SLOW, seconds=0.4)
    sandbox.revoke(REVOKED)


async def keep_delivering(sandbox: Sandbox, every: float, seed: int, stop_after: int | None = None) -> None:
    """Deliver a new bank mail every so many seconds, to one user after the other, each in the next layout.

    Goes on until cancelled, or until `stop_after` mails.
    """
    addresses = [mailbox.email_address for mailbox in sandbox.mailboxes.values()]
    order = _shuffled(MONEY, seed)
    started = sandbox.clock.monotonic()
    for number in count(1):
        await sandbox.clock.sleep(started + number * every - sandbox.clock.monotonic())
        address = addresses[number % len(addresses)]
        sandbox.deliver(address, sandbox.write_letter(address, order[number % len(order)]))
        if number == stop_after:
            return


def _shuffled(names: Sequence[str], seed: int) -> list[str]:
    order = list(names)
    random.Random(seed).shuffle(order)
    return order
