"""What the import loop is made of; the daemon puts it together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from afpd.clock import Clock
from afpd.gmail import Gmail
from afpd.keyring import Keyring
from afpd.loops.doubt import Doubt
from afpd.loops.gate import Gate, Skew
from afpd.loops.governor import Governor
from afpd.loops.identity import Identity
from afpd.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """What the import loop is made of; `governor` rations Google's quota.

    `only` limits it to some integrations, for a gradual roll-out.
    """

    database: Database
    gmail: Callable[[], Gmail]
    keyring: Keyring
    clock: Clock
    identity: Identity
    gate: Gate
    skew: Skew
    stop: asyncio.Event
    beat: Callable[[], None]
    only: frozenset[int] | None = None
    doubt: Doubt = field(default_factory=Doubt)
    governor: Governor = field(kw_only=True)
