"""From kept mail to transactions, each once."""

import asyncio

from sqlalchemy import select, update
from support.world import world

from afpd.sandbox.letters import MONEY, QUIET
from afpd.store import integrations, schema, transactions
from afpd.store.prune import prune_emails

ANA = "ana@example.com"


async def exported(here):
    async with here.database.read() as connection:
        return [record async for record in transactions.export(connection)]


async def test_every_layout_of_the_sandbox_becomes_what_it_must(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        for layout in (*MONEY, *QUIET):
            here.receive(ANA, layout)

        await here.tick()
        await here.parse()

        booked = {record["email_message_id"]: record for record in await exported(here)}
        wanted = {mail["id"]: mail for mail in here.sandbox.mails() if mail.get("transactions")}
        assert set(booked) == set(wanted)
        for key, mail in wanted.items():
            record, expected = booked[key], mail["transactions"][0]
            assert {name: record[name] for name in expected} == expected, mail


async def test_parsing_again_books_nothing_twice(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        here.receive(ANA)
        await here.tick()
        await here.parse()
        async with here.database.write() as connection:  # as after a kill between the booking and the end of a job
            await connection.execute(update(schema.email_parsing_jobs).values(parsing_status="pending"))

        await here.parse()

        assert len(await exported(here)) == 1


async def test_the_banks_statistics_are_counted_with_the_transaction(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        here.receive(ANA, "cr-bac-card")
        here.receive(ANA, "cr-bac-card-declined")

        await here.tick()
        await here.parse()

        query = select(schema.banks).where(schema.banks.c.code == "cr-bac")
        bank = (await here.rows(query))[0]
        assert (bank.emails_seen, bank.emails_success, bank.transactions_created) == (2, 2, 2)
        assert bank.last_email_at is not None


async def test_a_pruned_mail_is_never_booked_again_by_a_resync(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        here.receive(ANA)
        await here.tick()
        await here.parse()
        async with here.database.write() as connection:
            assert await prune_emails(connection, before=here.clock.now(), limit=10) == 1
            await connection.execute(update(schema.integrations).values(cursor=None, next_run_at=None))

        await here.tick()

        assert await here.kept() == []
        assert len(await exported(here)) == 1
        assert (await here.integration(key)).cursor is not None


async def test_a_visit_whose_lease_was_taken_away_keeps_nothing_and_loses_nothing(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.latency = 0.1
        ticking = asyncio.create_task(here.tick())
        await asyncio.sleep(0.15)
        async with here.database.write() as connection:
            await integrations.suspend(connection, key, reason="by hand", until=None, now=here.clock.now())
        await ticking
        row = await here.integration(key)
        assert (row.import_status, row.suspend_reason, row.cursor) == ("suspended", "by hand", None)

        async with here.database.write() as connection:
            await integrations.resume(connection, key, now=here.clock.now())
        await here.tick()

        assert await here.kept() == [mail]


async def test_bodies_are_sealed_in_the_database_file(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        here.receive(ANA)
        await here.tick()

    content = b"".join(path.read_bytes() for path in tmp_path.glob("afpd.db*"))
    assert b"Authentication-Results" not in content
    assert b"1//sandbox-" not in content
