"""What is asked all the time must be answered by an index, however large the tables grow."""

import pytest
from sqlalchemy import event, text
from support.world import world

from afpd.store import claims, clusters, counts, emails, integrations, parked, prune, searches, senders
from afpd.store.schema import metadata


async def _plans(here, ask):
    """The query plans of every statement that `ask` sends."""
    statements = []
    async with here.database.write() as connection:
        sync = connection.sync_connection

        @event.listens_for(sync, "before_cursor_execute")
        def note(_connection, _cursor, statement, parameters, _context, _many):
            statements.append((statement, parameters))

        await ask(connection, here.clock.now())
        asked = list(statements)
        plans = []
        for statement, parameters in asked:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans += [(statement, row[3]) for row in plan.all()]
        return plans


ASKED = {
    "known mails": lambda c, now: emails.known(c, 1, ["a", "b"]),
    "parked mails": lambda c, now: parked.parked_ids(c, 1),
    "poison": lambda c, now: parked.count_poison(c),
    "unknown senders": lambda c, now: senders.list_unknown(c),
    "what audits found": lambda c, now: searches.audited_emails(c, 1),
    "pending mails": lambda c, now: emails.claim_pending(c, owner="o", now=now, lease_until=now, limit=50),
    "how many are pending": lambda c, now: emails.count_pending(c),
    "due integrations": lambda c, now: claims.claim(
        c, now=now, due_by=now, over_by=now, limit=10, owner="o", lease=now - now
    ),
    "wishes for a visit": lambda c, now: integrations.wants_run_now(c),
    "the cluster of a mail": lambda c, now: clusters.place_of(c, 1),
    "mails that leave their cluster": lambda c, now: clusters.leave(c, [1]),
    "old mails": lambda c, now: prune.prune_emails(c, before=now, limit=10),
    "old bodies": lambda c, now: prune.drop_bodies(c, before=now, limit=10),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_no_table_is_read_whole_for(tmp_path, asked):
    async with world(tmp_path) as here:
        plans = await _plans(here, ASKED[asked])

        assert plans
        names = set(metadata.tables)
        whole = [
            plan for _, plan in plans if plan.startswith("SCAN") and plan.split()[1] in names and "INDEX" not in plan
        ]
        assert whole == []


async def test_the_check_sees_a_table_that_is_read_whole(tmp_path):
    async with world(tmp_path) as here:
        plans = await _plans(here, lambda c, now: c.execute(text("SELECT email_subject FROM email_parsing_jobs")))

        assert any(plan.startswith("SCAN") for _, plan in plans)


async def test_counting_for_the_status_reads_mails_and_transactions_by_index(tmp_path):
    async with world(tmp_path) as here:
        plans = await _plans(
            here, lambda c, now: counts.count_all(c, now=now, today_began=now, stale_after=3, tick=now - now)
        )

        assert not [p for _, p in plans if p.startswith("SCAN email_parsing_jobs") and "INDEX" not in p]
        assert not [p for _, p in plans if p.startswith("SCAN transactions") and "INDEX" not in p]


async def test_unknown_senders_are_found_without_reading_the_mails_of_known_ones(tmp_path):
    async with world(tmp_path) as here:
        plans = await _plans(here, lambda c, now: senders.list_unknown(c, least=50))
        plans += await _plans(
            here, lambda c, now: counts.count_all(c, now=now, today_began=now, stale_after=3, tick=now - now)
        )

        read = [plan for asked, plan in plans if "sender_is_unknown" in asked and " email_parsing_jobs " in plan]
        assert sum("ix_email_parsing_jobs_unknown" in plan for plan in read) == 2
