"""Ten thousand kept mails are read again after one template was mended."""

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from support.world import SHIPPED, world
from support.wrong_bank import wrong_library

from afpd.loops.replaying import Replaying
from afpd.model import Email, Outcome
from afpd.parse.authenticity import Policy
from afpd.store import emails, replays, schema

pytestmark = pytest.mark.soak

ANA = "ana@example.com"
WRONG, OTHERS = 4000, 6000
EVERYTHING = replays.Wanted([outcome for outcome in Outcome if outcome is not Outcome.PENDING])


async def fill(here):
    """Keep the mails as an import does: two in five are of the bank whose file is wrong."""
    layouts = ["cr-bac-card"] * WRONG + ["cr-bn-voucher"] * OTHERS
    now = datetime.now(UTC)
    for start in range(0, len(layouts), 500):
        chunk = [
            emails.seal_email(here.keyring, 1, Email(f"m{number}", now, here.sandbox.write_letter(ANA, layout).raw))
            for number, layout in enumerate(layouts[start : start + 500], start)
        ]
        async with here.database.write() as connection:
            await emails.insert_emails(connection, chunk, batch_id=None, now=now)


async def replayed(here, *, applies):
    """How many mails were read, and the kinds of change."""
    replaying = Replaying(here.database, here.keyring, SHIPPED, Policy.STRICT, "node-1", here.clock)
    seen, kinds = 0, []
    async for page in replaying.pages(EVERYTHING, applies=applies, at_once=200):
        seen += page.seen
        kinds += [change.kind for one in page.different for change in one.changes]
    return seen, kinds


async def count(here, table):
    return (await here.rows(select(func.count()).select_from(table)))[0][0]


async def test_the_mended_ones_are_shown_then_mended_once(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        await fill(here)
        here.library = wrong_library()
        await here.parse()

        began = time.monotonic()
        shown = await replayed(here, applies=False)
        between = time.monotonic()
        mended = await replayed(here, applies=True)
        ended = time.monotonic()
        again = await replayed(here, applies=True)

        print(f"\nreplay of {WRONG + OTHERS} mails: --diff {between - began:.1f} s, --apply {ended - between:.1f} s")
        print(f"shown {len(shown[1])}, mended {len(mended[1])}, changed by a second run {len(again[1])}")
        assert shown == mended == (WRONG + OTHERS, ["changed"] * WRONG)
        assert again == (WRONG + OTHERS, [])
        assert await count(here, schema.transactions) == WRONG + OTHERS
        assert await count(here, schema.transaction_revisions) == WRONG
