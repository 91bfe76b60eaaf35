"""Replay: reading kept mails again with the bank files of now, to see what would change, or to change it.

A page of mails at a time: loaded, read away from the event loop, compared or written in one transaction. What failed on
our side (a key, a bug) says nothing about a mail, so it changes nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from afpd.clock import Clock
from afpd.errors import StorageUnavailable
from afpd.keyring import Keyring
from afpd.log import get
from afpd.loops.reading import read_chunk
from afpd.model import Reading
from afpd.parse.authenticity import Policy
from afpd.parse.library import Library
from afpd.store import replays
from afpd.store.bookings import Change
from afpd.store.database import Database
from afpd.store.replays import KeptEmail, Wanted

Pair = tuple[KeptEmail, Reading]

log = get("parsing")


@dataclass(frozen=True, slots=True)
class Difference:
    """One mail that reads differently now: how it ended before, how it does now, and what that means."""

    kept: KeptEmail
    reading: Reading
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Page:
    """Some mails that were read again: how many, how many could not be, and those that read differently now.

    `last` is the id of the last one of them.
    """

    seen: int
    unreadable: int
    different: Sequence[Difference]
    last: int


@dataclass(frozen=True, slots=True)
class Replaying:
    """Reads again with one library and policy; `node` is written to what is booked, days are those of `zone`."""

    database: Database
    keyring: Keyring
    library: Library
    policy: Policy
    node: str
    clock: Clock
    zone: tzinfo = UTC

    async def pages(
        self, wanted: Wanted, *, applies: bool, at_once: int, after_id: int = 0
    ) -> AsyncGenerator[Page, None]:
        """Read the wanted mails by id, `at_once` at a time, and yield what differs; written only when it `applies`.

        `after_id` leaves out the mails up to this id.

        Raises StorageUnavailable when the database refuses; what was yielded is written then, the rest is not.
        """
        last = after_id
        while True:
            async with self.database.read() as connection:
                kept = await replays.load(connection, wanted, after_id=last, limit=at_once)
            if not kept:
                return
            last = kept[-1].email.id
            emails = [one.email for one in kept]
            readings = await asyncio.to_thread(read_chunk, emails, self.keyring, self.library, self.policy)
            pairs = [pair for pair in zip(kept, readings, strict=True) if _is_of(wanted, *pair)]
            told = [pair for pair in pairs if not pair[1].says_nothing]
            found = await (self._write(told) if applies else self._compare(told))
            yield Page(len(pairs), len(pairs) - len(told), found, last)

    async def _compare(self, pairs: Sequence[Pair]) -> list[Difference]:
        async with self.database.read() as connection:
            found = [
                Difference(kept, reading, await replays.differences(connection, kept, reading))
                for kept, reading in pairs
            ]
        return [one for one in found if _differs(one)]

    async def _write(self, pairs: Sequence[Pair]) -> list[Difference]:
        done = await self._apply(pairs)
        found = [
            Difference(kept, reading, changes)
            for (kept, reading), changes in zip(pairs, done, strict=True)
            if changes is not None
        ]
        return [one for one in found if _differs(one)]

    async def _apply(self, pairs: Sequence[Pair]) -> list[list[Change] | None]:
        """Write readings; one that cannot be written stays as it was and does not hold up the others for ever."""
        now, read_with = self.clock.now(), self.library.fingerprints
        try:
            async with self.database.write() as connection:
                return await replays.apply(
                    connection, pairs, node=self.node, now=now, read_with=read_with, zone=self.zone
                )
        except StorageUnavailable:
            raise
        except Exception:
            log.exception("parsing.reading_broke", email_parsing_job_ids=[kept.email.id for kept, _ in pairs])
            if len(pairs) == 1:
                return [None]
        return [(await self._apply([pair]))[0] for pair in pairs]


def _is_of(wanted: Wanted, kept: KeptEmail, reading: Reading) -> bool:
    """Whether a mail is of the wanted bank, by what it was or by what it is read as now."""
    return wanted.bank is None or wanted.bank in (kept.bank, reading.bank)


def _differs(one: Difference) -> bool:
    return bool(one.changes) or one.reading.outcome is not one.kept.outcome
