"""The import loop against the sandbox: what is delivered is kept once, whatever happens on the way."""

from datetime import timedelta

from sqlalchemy import select
from support.world import world

from afpd.store import schema


async def test_a_first_visit_keeps_the_banks_mail_and_leaves_other_mail_alone(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect("ana@example.com", "user_1")
        mail = here.receive("ana@example.com")
        here.receive("ana@example.com", "private-lunch")

        at = here.clock.now()
        result = await here.tick(at)

        assert await here.kept() == [mail]
        assert (result["integrations_processed"], result["total_emails"], result["errors"]) == (1, 1, 0)
        row = await here.integration(key)
        assert row.import_status == "waiting"
        assert row.cursor is not None
        assert row.next_run_at == at + timedelta(minutes=5)
        assert (row.emails_found_today, row.emails_processed_today) == (1, 1)


async def test_a_quiet_second_visit_costs_one_unit(tmp_path):
    async with world(tmp_path) as here:
        await here.connect("ana@example.com")
        await here.tick()
        before = here.sandbox.units

        await here.tick(here.clock.now() + timedelta(minutes=5))

        assert here.sandbox.units - before == 1


async def test_new_mail_after_the_first_visit_is_kept_once(tmp_path):
    async with world(tmp_path) as here:
        await here.connect("ana@example.com")
        first = here.receive("ana@example.com")
        await here.tick()
        second = here.receive("ana@example.com")

        for n in range(1, 4):
            await here.tick(here.clock.now() + n * timedelta(minutes=5))

        assert await here.kept() == sorted([first, second])
        assert here.sandbox.traffic.gets["ana@example.com", first] == 1


async def test_a_batch_row_tells_what_each_user_got(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect("ana@example.com", "user_1")
        here.receive("ana@example.com")

        await here.tick()

        batch = (await here.rows(select(schema.email_import_jobs)))[0]
        assert (batch.status, batch.batch_size, batch.total_emails_found, batch.total_emails_processed) == (
            "completed", 1, 1, 1,
        )  # fmt: skip
        told = {"emails_found": 1, "emails_processed": 1, "error": None}
        assert batch.user_results == {
            "user_1": {"emails_found": 1, "emails_processed": 1, "integrations": {str(key): told}}
        }
