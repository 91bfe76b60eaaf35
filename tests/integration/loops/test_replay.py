"""A bank file is mended: what was read with it is read again, once, and the past stays on record."""

from contextlib import aclosing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update
from support.world import SHIPPED, world
from support.wrong_bank import wrong_library

from afpd.loops.replaying import Replaying
from afpd.model import DatedBy, Direction, Kind, Outcome, Reading, Status, Transaction
from afpd.parse.authenticity import Policy
from afpd.store import bookings, replays, schema, transactions

ANA = "ana@example.com"
EVERYTHING = replays.Wanted([outcome for outcome in Outcome if outcome is not Outcome.PENDING])
jobs, revisions, booked = schema.email_parsing_jobs, schema.transaction_revisions, schema.transactions


@pytest.fixture(scope="module")
def wrong():
    return wrong_library()


async def exported(here):
    async with here.database.read() as connection:
        return [record async for record in transactions.export(connection)]


async def replayed(here, library=SHIPPED, wanted=EVERYTHING, *, applies=False):
    """Every difference that a replay finds."""
    replaying = Replaying(here.database, here.keyring, library, Policy.STRICT, "node-1", here.clock)
    found = []
    async with aclosing(replaying.pages(wanted, applies=applies, at_once=3)) as pages:
        async for page in pages:
            found += page.different
    return found


def kinds(found):
    return sorted(change.kind for one in found for change in one.changes)


async def filled(here, wrong, purchases=5):
    """A mailbox whose mails were read with the wrong file."""
    here.library = wrong
    await here.connect(ANA)
    for _ in range(purchases):
        here.receive(ANA, "cr-bac-card")
    here.receive(ANA, "cr-bac-card-declined")
    here.receive(ANA, "cr-bn-voucher")
    await here.tick()
    await here.parse()


async def test_a_dry_run_shows_the_mended_ones_with_their_fields_and_changes_nothing(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        before = await exported(here)

        found = await replayed(here)

        assert kinds(found) == ["added"] + ["changed"] * 5
        changed = [change for one in found for change in one.changes if change.kind == "changed"]
        assert all(set(change.before) == {"merchant", "reference", "authorization"} for change in changed)
        assert await exported(here) == before
        assert await here.rows(select(revisions)) == []


async def test_applying_mends_once_and_a_second_run_changes_nothing(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        before = {record["id"]: record for record in await exported(here)}

        await replayed(here, applies=True)
        after = {record["id"]: record for record in await exported(here)}

        assert len(after) == len(before) + 1  # the declined one, which the wrong file did not know
        for key, record in before.items():
            mended = after[key]["merchant"] != record["merchant"]
            assert after[key]["revision"] == (2 if mended else 1)
        assert await replayed(here) == []
        assert await replayed(here, applies=True) == []
        assert {record["id"]: record for record in await exported(here)} == after


async def test_the_former_state_is_kept_as_a_revision(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong, purchases=1)
        former = next(record for record in await exported(here) if record["bank"] == "cr-bac")

        await replayed(here, applies=True)

        rows = await here.rows(select(revisions))
        assert [(row.transaction_id, row.revision, row.reason) for row in rows] == [(former["id"], 1, "replay")]
        assert {name: rows[0].state[name] for name in ("merchant", "amount")} == {
            "merchant": former["merchant"],
            "amount": former["amount"],
        }


async def test_what_no_template_finds_any_more_is_retracted_and_comes_back_with_its_id(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        await replayed(here, applies=True)
        with_declined = await exported(here)

        lost = await replayed(here, wrong, applies=True)
        without = await exported(here)
        back = await replayed(here, applies=True)

        assert kinds(lost) == ["changed"] * 5 + ["lost"]
        assert len(without) == len(with_declined) - 1
        assert kinds(back) == ["added"] + ["changed"] * 5
        told = [{name: record[name] for name in record if name != "revision"} for record in with_declined]
        assert [{name: one[name] for name in one if name != "revision"} for one in await exported(here)] == told


async def test_the_banks_statistics_follow(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        await replayed(here, applies=True)

        query = select(schema.banks).where(schema.banks.c.code == "cr-bac")
        bank = (await here.rows(query))[0]
        assert (bank.emails_seen, bank.emails_success, bank.transactions_created) == (6, 6, 6)


async def test_only_the_wanted_mails_are_read(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        later = here.clock.now() + timedelta(days=1)

        assert await replayed(here, wanted=replays.Wanted([Outcome.SUCCESS], bank="cr-bn")) == []
        assert await replayed(here, wanted=replays.Wanted([Outcome.SUCCESS], since=later)) == []
        assert kinds(await replayed(here, wanted=replays.Wanted([Outcome.UNMATCHED]))) == ["added"]
        assert len(await replayed(here, wanted=replays.Wanted([Outcome.SUCCESS], bank="cr-bac"))) == 5


async def test_a_mail_that_somebody_read_in_between_stays_as_it_is(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong, purchases=1)
        async with here.database.read() as connection:
            kept = (await replays.load(connection, EVERYTHING, after_id=0, limit=1))[0]
        await replayed(here, applies=True)
        reading = SHIPPED.read(b"From: a@example.net\r\n\r\nx", received_at=here.clock.now())
        async with here.database.write() as connection:
            await connection.execute(update(jobs).values(processed_at=here.clock.now() + timedelta(seconds=5)))

        async with here.database.write() as connection:
            changes = await replays.apply(
                connection, [(kept, reading)], node="node-1", now=here.clock.now(), read_with=SHIPPED.fingerprints
            )

        assert changes == [None]
        assert len(await exported(here)) == 3


async def test_a_mail_that_cannot_be_opened_retracts_nothing(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        before = await exported(here)
        async with here.database.write() as connection:
            await connection.execute(update(jobs).values(body=b"\x01not sealed by us"))

        assert await replayed(here, applies=True) == []
        assert await exported(here) == before


async def test_mails_without_text_and_those_of_the_replaced_system_are_left_alone(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        async with here.database.write() as connection:
            await connection.execute(update(jobs).where(jobs.c.id == 1).values(body=None))
            await connection.execute(update(jobs).where(jobs.c.id == 2).values(node=None))

        assert {one.kept.email.id for one in await replayed(here)}.isdisjoint({1, 2})


async def test_new_bank_files_mend_the_unmatched_by_themselves_in_the_background(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        assert len(await exported(here)) == 6

        here.library = SHIPPED
        first = await here.parse()
        second = await here.parse()

        assert first["replayed"] == 1  # the declined one; what was read stays until a person asks
        assert "replayed" not in second
        assert len(await exported(here)) == 7


async def test_mails_that_cannot_be_opened_do_not_hold_up_those_behind_them(tmp_path, wrong, monkeypatch):
    monkeypatch.setattr("afpd.loops.parsing._REPLAYED_PER_TICK", 2)
    async with world(tmp_path, parsing={"chunk": 1}) as here:
        await filled(here, wrong, purchases=3)
        async with here.database.write() as connection:
            unmatched = jobs.c.parsing_status == "unmatched"
            await connection.execute(update(jobs).where(unmatched).values(id=99))  # behind the others
            opened = jobs.c.parsing_status == "success"
            await connection.execute(update(jobs).where(opened).values(body=b"not ours", parsing_status="failed"))

        here.library = SHIPPED
        told = [(await here.parse()).get("replayed") for _ in range(4)]

        assert told.count(1) == 1


async def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong, purchases=3)
        async with here.database.write() as connection:
            declined = (await connection.scalars(select(jobs.c.id).where(jobs.c.parsing_status == "unmatched"))).one()
            await connection.exec_driver_sql(
                "CREATE TRIGGER refuse BEFORE INSERT ON transactions BEGIN SELECT RAISE(ABORT, 'no'); END"
            )

        found = await replayed(here, applies=True)

        assert kinds(found) == ["changed"] * 3
        assert declined not in {one.kept.email.id for one in found}


async def test_an_id_stays_with_its_movement_when_an_equal_sum_is_found_before_it(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        mail = bookings.Mail(1, 1, "m1", "ana")
        origin = bookings.Origin(None, "node-1", here.clock.now(), "replay")

        def told(*merchants):
            one = Transaction(
                kind=Kind.PURCHASE, direction=Direction.DEBIT, status=Status.APPROVED, amount=Decimal("5.00"),
                currency="USD", occurred_at=date(2026, 1, 5), dated_by=DatedBy.BODY, merchant=None,
            )  # fmt: skip
            return Reading(Outcome.SUCCESS, "", transactions=tuple(replace(one, merchant=name) for name in merchants))

        async with here.database.write() as connection:
            await bookings.book(connection, mail, told("A", "B"), origin)
            before = (await connection.execute(select(booked.c.merchant, booked.c.id))).all()
            await bookings.book(connection, mail, told("C", "A", "B"), origin)
            after = (await connection.execute(select(booked.c.merchant, booked.c.id))).all()

        assert set(map(tuple, before)) < set(map(tuple, after))


async def test_a_template_that_now_declares_its_reference_unique_changes_what_is_booked(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        here.receive(ANA, "cr-bac-card")
        await here.tick()
        await here.parse()
        async with here.database.write() as connection:
            await connection.execute(update(booked).values(has_unique_reference=~booked.c.has_unique_reference))

        assert [set(change.before) for one in await replayed(here) for change in one.changes] == [
            {"has_unique_reference"}
        ]
        await replayed(here, applies=True)
        assert await replayed(here) == []


async def test_bank_files_that_did_not_change_read_nothing_again(tmp_path, wrong):
    async with world(tmp_path) as here:
        await filled(here, wrong)
        await here.parse()
        async with here.database.write() as connection:  # a sign that would be seen if it were read
            await connection.execute(update(jobs).values(outcome_reason="untouched"))

        await here.parse()

        assert {row.outcome_reason for row in await here.rows(select(jobs))} == {"untouched"}


async def test_a_reversal_and_a_second_notice_are_linked_as_they_are_booked(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        here.receive(ANA, "cr-bac-card")
        await here.tick()
        await here.parse()
        async with here.database.write() as connection:  # the same purchase, told by another mail
            row = dict((await connection.execute(select(booked))).one()._mapping)
            again = row | {"id": 2, "email_message_id": "other", "email_parsing_job_id": None}
            await connection.execute(booked.insert().values(**again))
            from afpd.store.linking import link

            await link(connection, [2], [], here.clock.now())

        first, second = await exported(here)
        assert (first["looks_like_id"], second["looks_like_id"]) == (None, 1)
        assert second["counts"]
