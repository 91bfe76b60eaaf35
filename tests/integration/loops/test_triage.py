"""Unread mails of known senders are grouped by how they look, and leave their group when they are read after all."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.clock import ManualClock
from support.world import SHIPPED, world
from support.wrong_bank import wrong_library

from afpd.loops.drift import watch_rates
from afpd.model import Outcome
from afpd.store import clusters, counts, drift, prune, schema, template_days

ANA = "ana@example.com"
jobs = schema.email_parsing_jobs


@pytest.fixture(scope="module")
def wrong():
    """A library that does not know declined payments."""
    return wrong_library()


async def declined(here, count=3):
    await here.connect(ANA)
    for _ in range(count):
        here.receive(ANA, "cr-bac-card-declined")
    here.receive(ANA, "cr-bn-voucher")
    await here.tick()
    await here.parse()


async def listed(here, **options):
    async with here.database.read() as connection:
        return await clusters.list_clusters(connection, **options)


async def counted(here):
    now = here.clock.now()
    async with here.database.read() as connection:
        return await counts.count_all(
            connection, now=now, today_began=now, stale_after=3, tick=here.settings.imports.every
        )


async def ignored(here, cluster, **options):
    async with here.database.write() as connection:
        return await clusters.ignore(connection, cluster, zone=here.settings.zone, **options)


async def days(here):
    rows = await here.rows(select(schema.template_days))
    names = {row.id: row.code for row in await here.rows(select(schema.banks))}
    return sorted((names[row.bank_id], row.template, row.matched, row.failed) for row in rows)


async def test_mails_that_look_alike_are_one_group(tmp_path, wrong):
    async with world(tmp_path) as here:
        here.library = wrong
        await declined(here)

        (one,) = await listed(here)
        assert (one.bank, one.emails, one.outcome) == ("cr-bac", 3, Outcome.UNMATCHED)
        assert one.first_email_at <= one.last_email_at
        unread = await here.rows(select(jobs.c.id).where(jobs.c.parsing_status == "unmatched"))
        assert one.example_id in {row.id for row in unread}
        emails = (await counted(here)).emails
        assert (emails.clusters, emails.unmatched) == (1, 3)


async def test_a_group_whose_mails_are_read_after_all_is_gone(tmp_path, wrong):
    async with world(tmp_path) as here:
        here.library = wrong
        await declined(here)
        assert await days(here) == [("cr-bac", "", 0, 3), ("cr-bn", "voucher", 1, 0)]

        here.library = SHIPPED
        await here.parse()

        assert await listed(here, with_ignored=True) == []
        assert (await counted(here)).emails.clusters == 0
        read = [(bank, template, matched) for bank, template, matched, failed in await days(here) if matched]
        assert read == [("cr-bac", "card", 3), ("cr-bn", "voucher", 1)]


async def test_reading_again_in_vain_leaves_a_group_as_it_is(tmp_path, wrong):
    async with world(tmp_path) as here:
        here.library = wrong
        await declined(here, 1)
        before, days_before = await listed(here), await days(here)
        async with here.database.write() as connection:
            await connection.execute(update(jobs).values(read_with=None))
            await connection.execute(schema.program_state.delete())

        await here.parse()

        assert (await listed(here), await days(here)) == (before, days_before)


async def test_an_ignored_group_stays_out_of_list_counts_and_rates_with_its_later_mails(tmp_path, wrong):
    async with world(tmp_path, clock=ManualClock()) as here:
        here.library = wrong
        await declined(here)
        (one,) = await listed(here)

        assert await ignored(here, one.id)
        await here.clock.advance(3600)
        here.receive(ANA, "cr-bac-card-declined")
        await here.tick()
        await here.parse()

        assert await listed(here) == []
        assert [kept.emails for kept in await listed(here, with_ignored=True)] == [4]
        emails = (await counted(here)).emails
        assert (emails.clusters, emails.unmatched) == (0, 0)
        assert await days(here) == [("cr-bac", "", 0, 0), ("cr-bn", "voucher", 1, 0)]

        assert await ignored(here, one.id, undo=True)
        assert [kept.emails for kept in await listed(here)] == [4]
        assert await days(here) == [("cr-bac", "", 0, 4), ("cr-bn", "voucher", 1, 0)]


async def test_an_unknown_group_cannot_be_ignored(tmp_path):
    async with world(tmp_path) as here:
        assert not await ignored(here, 7)


async def test_what_cleanup_removes_leaves_its_group_and_an_ignored_one_is_remembered(tmp_path, wrong):
    async with world(tmp_path) as here:
        here.library = wrong
        await declined(here)
        (one,) = await listed(here)
        soon = here.clock.now() + timedelta(days=1)
        async with here.database.write() as connection:
            await prune.prune_emails(connection, before=soon, limit=2, unread=True)
        assert [kept.emails for kept in await listed(here)] == [1]

        await ignored(here, one.id)
        async with here.database.write() as connection:
            await prune.prune_emails(connection, before=soon, limit=9, unread=True)

        (kept,) = await listed(here, with_ignored=True)
        assert (kept.emails, kept.example_id, kept.is_ignored) == (0, None, True)


async def test_a_layout_that_changes_is_told_once_and_its_end_too(tmp_path, wrong):
    async with world(tmp_path, clock=ManualClock()) as here:
        here.library = wrong
        await declined(here, 8)
        today = here.clock.now().astimezone(here.settings.zone).date()
        past = {(1, "card", (today - timedelta(days=age)).isoformat()): (20, 0) for age in range(1, 40)}
        bank = next(row.id for row in await here.rows(select(schema.banks)) if row.code == "cr-bac")
        async with here.database.write() as connection:
            await template_days.add(connection, {(bank, *key[1:]): count for key, count in past.items()})

        assert await watch_rates(here.database, here.clock.now(), here.settings.zone) == 1
        assert await watch_rates(here.database, here.clock.now(), here.settings.zone) == 1

        (told,) = (await counted(here)).drift
        (one,) = await listed(here)
        assert (told["kind"], told["bank"], told["rate"], told["usual_rate"]) == ("unread", "cr-bac", 0.0, 1.0)
        assert (told["since"], told["example_id"]) == (today.isoformat(), one.example_id)

        here.library = SHIPPED
        await here.parse()
        async with here.database.read() as connection:
            assert await drift.noted(connection) == ()


async def test_old_days_are_forgotten(tmp_path):
    async with world(tmp_path) as here:
        today = here.clock.now().astimezone(here.settings.zone).date()
        keys = {(1, "card", (today - timedelta(days=age)).isoformat()): (1, 0) for age in (1, 400)}
        async with here.database.write() as connection:
            await template_days.add(connection, keys)

        await here.cleanup.tick(here.clock.now())

        assert len(await here.rows(select(schema.template_days))) == 1
