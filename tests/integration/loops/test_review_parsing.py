"""Mails and rows that parsing cannot cope with: they end visibly, and the others are read."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy import delete, insert, select
from support.world import SHIPPED, world

from afpd.model import DatedBy, Direction, Kind, Outcome, Reading, Status, Transaction
from afpd.store import schema

ANA, BO = "ana@example.com", "bo@example.com"


async def _outcomes(here):
    table = schema.email_parsing_jobs
    rows = await here.rows(select(table.c.email_message_id, table.c.parsing_status))
    return {row.email_message_id: row.parsing_status for row in rows}


async def test_mails_of_an_integration_that_somebody_deleted_do_not_hold_up_the_others(tmp_path):
    async with world(tmp_path, parsing={"chunk": 3}) as here:
        gone = await here.connect(ANA)
        orphans = [here.receive(ANA) for _ in range(4)]
        await here.tick()
        await here.connect(BO)
        mail = here.receive(BO)
        await here.tick()
        async with here.database.write() as connection:
            await connection.execute(delete(schema.integrations).where(schema.integrations.c.id == gone))

        await here.parse()

        outcomes = await _outcomes(here)
        assert outcomes[mail] == "success"
        assert {outcomes[key] for key in orphans} == {"failed"}


@dataclass
class _Odd:
    """A library whose readings of some mails no database can take."""

    odd: set[bytes]
    banks = SHIPPED.banks
    fingerprints = SHIPPED.fingerprints

    def read(self, raw, **_):
        merchant = "\ud800" if any(mark in raw for mark in self.odd) else "SODA"
        movement = Transaction(
            Kind.PURCHASE, Direction.DEBIT, Status.APPROVED, Decimal("1.00"), "CRC", date(2026, 1, 5), DatedBy.BODY,
            merchant,
        )  # fmt: skip
        return Reading(Outcome.SUCCESS, "as it is", "cr-bac", "any", 1, (movement,))


async def test_a_reading_that_cannot_be_written_fails_alone(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(3)]
        marks = {here.sandbox.mailboxes[ANA].messages[mails[1]].raw[-2000:]}
        here.library = _Odd(marks)
        async with here.database.write():
            pass
        here.importing.senders = lambda: SHIPPED.senders
        here.importing.domains, here.importing.silent = tuple, tuple
        await here.tick()

        result = await here.parse()

        outcomes = await _outcomes(here)
        assert [outcomes[key] for key in mails] == ["success", "failed", "success"]
        assert result["transactions_created"] == 2
        bank = (await here.rows(select(schema.banks).where(schema.banks.c.code == "cr-bac")))[0]
        assert (bank.emails_seen, bank.emails_success, bank.transactions_created) == (3, 2, 2)


async def test_a_bank_that_came_with_a_reload_has_its_row_with_the_first_mail(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        here.receive(ANA)
        await here.tick()
        async with here.database.write() as connection:  # as if the bank file had come after the start
            await connection.execute(delete(schema.banks))

        await here.parse()

        code = (await here.rows(select(schema.banks.c.code).where(schema.banks.c.emails_seen > 0)))[0].code
        assert code == "cr-bac"
        assert (await here.rows(select(schema.transactions.c.bank_id)))[0].bank_id is not None


async def test_a_mail_without_any_time_does_not_empty_the_banks_last_mail(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        here.receive(ANA)
        await here.tick()
        await here.parse()
        here.receive(ANA)
        await here.tick()
        table = schema.email_parsing_jobs
        async with here.database.write() as connection:
            newest = table.c.parsing_status == "pending"
            await connection.execute(table.update().where(newest).values(received_at=None, created_at=None))
            strange = {"integration_id": key, "email_message_id": "by-hand", "parsing_status": "pending"}
            await connection.execute(insert(table).values(**strange))

        await here.parse()

        bank = (await here.rows(select(schema.banks).where(schema.banks.c.code == "cr-bac")))[0]
        assert bank.last_email_at > datetime(2026, 1, 1, tzinfo=UTC)
        assert "pending" not in set((await _outcomes(here)).values())
