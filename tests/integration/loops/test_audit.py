"""The daily audit: what visits missed, senders that nobody knows, and the past of senders that are new."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

from sqlalchemy import select
from support.clock import ManualClock
from support.world import world

from afpd.gmail import Access
from afpd.loops.audit import ENOUGH_OF_ONE, MOST_UNKNOWN
from afpd.loops.importing import Importing
from afpd.loops.shelf import VisitShelf
from afpd.loops.terms import window_of
from afpd.loops.turn import Brought, Senders
from afpd.loops.visit import visit
from afpd.store import claims, counts, schema, senders

ANA, BO = "ana@example.com", "bo@example.com"
DAY = 86400
STRANGER = "avisos-nuevos@baccredomatic.com"
SILENT = "notificacionesotp_cri@baccredomatic.com"


def mail_from(here, sender, address=ANA, days=0.0):
    """Deliver a mail of any sender."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, address, "Notificacion"
    letter.set_content("Compra por 1.000,00 colones")
    received = here.clock.now() - timedelta(days=days)
    return here.sandbox.mailboxes[address].deliver(letter.as_bytes(), received_at=received)


def rescued_mail(here, address=ANA):
    """Deliver a bank's mail in a way that no visit sees."""
    mailbox, letter = here.sandbox.mailboxes[address], here.sandbox.write_letter(address, "cr-bac-card")
    found = mailbox.deliver(letter.raw, received_at=here.clock.now() - timedelta(hours=6), labels=("SPAM",))
    mailbox.rescue_from_spam(found)
    return found


async def jobs(here):
    table = schema.email_parsing_jobs
    rows = await here.rows(select(table.c.email_message_id, table.c.found_by, table.c.sender_is_unknown))
    return {row.email_message_id: (row.found_by, row.sender_is_unknown) for row in rows}


async def counted(here):
    async with here.database.read() as connection:
        now, tick = here.clock.now(), here.settings.imports.every
        return (await counts.count_all(connection, now=now, today_began=now, stale_after=3, tick=tick)).emails


async def test_what_a_visit_missed_is_kept_counted_and_told_by_the_audit(tmp_path, capsys):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        seen = here.receive(ANA)
        await here.tick()
        missed = rescued_mail(here)
        clock.jump(DAY)

        await here.tick()

        assert await jobs(here) == {seen: ("visit", False), missed: ("audit", False)}
        assert (await here.integration(key)).emails_missing == 1
        assert (await counted(here)).missing == 1
        told = capsys.readouterr().err
        assert told.count("import.emails_missing") == 1
        assert ANA not in told


async def test_an_audit_that_finds_nothing_counts_nothing_and_is_made_once_a_day(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        here.receive(ANA)
        await here.tick()
        before = here.sandbox.traffic.requests["messages.list"]
        audits = set()
        for _ in range(3 * 24):
            clock.jump(3600)
            await here.tick()
            audits.add((await here.integration(key)).reconciled_at)

        assert len(audits) == 4
        assert here.sandbox.traffic.requests["messages.list"] - before <= 3 * 4 + 1
        assert (await here.integration(key)).emails_missing == 0


async def test_audits_of_many_that_were_added_together_are_spread_over_the_day(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        keys = [await here.connect(f"user{n}@example.com") for n in range(48)]
        await here.tick()
        by_hour = Counter()
        last = {key: (await here.integration(key)).reconciled_at for key in keys}
        for hour in range(24):
            clock.jump(3600)
            await here.tick()
            for key in keys:
                if (at := (await here.integration(key)).reconciled_at) != last[key]:
                    by_hour[hour] += 1
                    last[key] = at

        assert by_hour.total() == 48
        assert max(by_hour.values()) <= 4


async def test_mail_of_an_unknown_sender_at_a_banks_domain_is_kept_counted_and_listed(tmp_path, capsys):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        stranger = mail_from(here, f"BAC <{STRANGER}>")
        mail_from(here, SILENT)
        mail_from(here, "baccredomatic.com <somebody@elsewhere.example>")
        clock.jump(DAY)
        for _ in range(3):
            await here.tick()
            clock.jump(DAY)
        await here.parse()

        assert await jobs(here) == {stranger: ("audit", True)}
        assert max(here.sandbox.traffic.gets.values()) == 1  # also of what only looks like the bank
        found = await counted(here)
        assert (found.unknown_sender, found.unmatched, found.missing) == (1, 1, 0)
        async with here.database.read() as connection:
            (listed,) = await senders.list_unknown(connection)
        assert (listed.address, listed.emails, listed.integrations) == (STRANGER, 1, 1)
        told = capsys.readouterr().err
        assert "import.unknown_senders" in told
        assert STRANGER not in told


async def test_unknown_senders_are_downloaded_in_bounded_numbers(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        clock.jump(DAY)
        for _ in range(ENOUGH_OF_ONE + 3 * MOST_UNKNOWN):
            mail_from(here, STRANGER)
        numbers = []
        for _ in range(4):
            before = here.sandbox.traffic.gets.total()
            await here.tick()
            numbers.append(here.sandbox.traffic.gets.total() - before)
            clock.jump(DAY / 2)
            await here.tick()
            clock.jump(DAY / 2 + 60)

        assert max(numbers) <= MOST_UNKNOWN
        assert ENOUGH_OF_ONE <= len(await jobs(here)) < ENOUGH_OF_ONE + MOST_UNKNOWN


async def test_the_past_is_searched_for_a_new_sender_alone_and_once(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        for address in (ANA, BO):
            await here.connect(address)
        await here.tick()
        past = [mail_from(here, STRANGER, address, days=20) for address in (ANA, BO)]
        for _ in range(2):
            clock.jump(DAY)
            await here.tick()
        assert await here.kept() == []
        here.importing.senders = lambda: (*here.library.senders, STRANGER)
        before = here.sandbox.traffic.requests["messages.list"]
        clock.jump(300)
        await here.tick()

        assert await here.kept() == sorted(past)
        assert {found for found, _ in (await jobs(here)).values()} == {"visit"}
        assert here.sandbox.traffic.requests["messages.list"] - before == 2
        clock.jump(300)
        await here.tick()
        assert here.sandbox.traffic.requests["messages.list"] - before == 2


async def test_a_search_of_the_past_that_was_cut_short_goes_on_after_a_restart(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **{"import": {"page_budget": 1}}) as here:
        await here.connect(ANA)
        await here.tick()
        past = [mail_from(here, STRANGER, days=1 + n) for n in range(28)]
        here.sandbox.mailboxes[ANA].largest_page = 2
        addresses = (*here.library.senders, STRANGER)
        for _ in range(30):
            loop = Importing(here.parts, lambda: here.settings, lambda: addresses, here.pending.append)
            clock.jump(300)
            await loop.tick(clock.now())

        assert await here.kept() == sorted(past)


async def test_a_sender_that_went_and_came_back_is_a_new_one(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        async with here.database.write() as connection:
            first = await senders.number(connection, ["a@x.example", "b@x.example"], now=clock.now())
            values = {"user_id": "u", "email_account": ANA, "searched_senders_id": max(first.values())}
            await connection.execute(schema.integrations.insert().values(**values))
            assert await senders.number(connection, ["A@x.example"], now=clock.now()) == {"a@x.example": 1}
            again = await senders.number(connection, ["a@x.example", "b@x.example"], now=clock.now())

        assert again == {"a@x.example": 1, "b@x.example": 3}


async def test_a_mailbox_added_later_is_not_searched_twice(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        await here.tick()
        newest = (await here.rows(select(schema.senders.c.id).order_by(schema.senders.c.id.desc())))[0].id
        assert (await here.integration(key)).searched_senders_id == newest
        before = here.sandbox.units
        clock.jump(300)

        await here.tick()

        assert here.sandbox.units - before == 1


async def test_an_audit_waits_for_room(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        clock.jump(DAY)
        here.receive(ANA)

        for may_linger in (False, True):
            brought = await visited(here, may_linger)
            assert len(brought.emails) == 1
            assert (brought.progress.reconciled_at is not None) is may_linger


async def visited(here, may_linger):
    """Visit the one integration by hand; nothing is written."""
    now = here.clock.now()
    async with here.database.write() as connection:
        (claimed,) = await claims.claim(
            connection, now=now, due_by=now, over_by=now, limit=1, owner="o", lease=timedelta(minutes=1)
        )
        await claims.release(connection, owner="o")
        numbers = await senders.number(connection, here.library.senders, now=now)
    shelf = VisitShelf(
        here.database, here.keyring, here.clock, now.date, claimed.id, "o", claimed.lease_until, 1
    )  # fmt: skip
    access = Access(here.sandbox.mailboxes[ANA].refresh_token)
    brought, window = Brought(), replace(window_of(here.settings), may_linger=may_linger)
    await visit(
        claimed, here.gmail.mailbox(access, ANA), shelf, window, Senders(numbers, here.library.domains),
        here.clock.now, brought,
    )  # fmt: skip
    return brought
