"""Mail that a look too early, an audit of long ago or a clock that ran ahead could make us lose or wait for."""

from datetime import timedelta
from email.message import EmailMessage

from sqlalchemy import update
from support.clock import ManualClock
from support.world import world

from afpd.loops.gate import Gate
from afpd.loops.governor import Governor
from afpd.loops.ledger import take_over_quota
from afpd.store import quota, schema
from afpd.store.visits import NewTokens

ANA = "ana@example.com"
DAY = 86400
LOOKALIKE = "avisos@elsewhere.example"


async def test_what_only_looked_like_a_bank_is_kept_when_a_bank_file_brings_its_sender(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = f"baccredomatic.com <{LOOKALIKE}>", ANA, "Notificacion"
        letter.set_content("Compra por 1.000,00 colones")
        mail = here.sandbox.mailboxes[ANA].deliver(letter.as_bytes(), received_at=clock.now())
        clock.jump(DAY)
        await here.tick()
        assert here.sandbox.traffic.gets[ANA, mail] == 1  # the audit looked at it
        assert await here.kept() == []
        here.importing.senders = lambda: (*here.library.senders, LOOKALIKE)
        clock.jump(300)

        await here.tick()

        assert await here.kept() == [mail]


async def test_a_gap_that_was_searched_in_part_is_looked_at_again_only_when_the_search_had_its_time(tmp_path):
    clock = ManualClock()
    paged = {"page_budget": 1, "search_again_after": "1h"}
    async with world(tmp_path, clock=clock, **{"import": paged}) as here:
        key = await here.connect(ANA)
        await here.tick()
        clock.jump(DAY)
        await here.tick()  # the audit
        mailbox = here.sandbox.mailboxes[ANA]
        for place in range(6):
            letter = here.sandbox.write_letter(ANA, "cr-bac-card")
            mailbox.deliver(letter.raw, received_at=clock.now() - timedelta(minutes=20 * place))
        clock.jump(60)
        mailbox.largest_page = 1
        soon = clock.now() + timedelta(minutes=5)
        async with here.database.write() as connection:
            table = schema.integrations
            await connection.execute(update(table).values(look_again_at=soon, next_run_at=None))
        late = here.receive(ANA, indexed_after=3000)
        mailbox.expire_history()
        await here.tick()
        assert (await here.integration(key)).search_from is not None

        for _ in range(18):
            clock.jump(300)
            await here.tick()

        assert late in await here.kept()


async def test_the_day_of_the_quota_comes_back_with_the_clock(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        today, units = here.parts.governor.day.day, here.parts.governor.day.units
        clock.jump(100 * DAY)
        await here.tick()
        clock.jump(-100 * DAY)

        await here.tick()

        assert here.parts.governor.day.day == today
        assert here.parts.governor.day.units >= units


async def test_a_refusal_of_the_quota_that_a_clock_ahead_wrote_down_holds_up_nobody_after_a_restart(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        async with here.database.write() as connection:
            refused = quota.Refused("used up", clock.now() + timedelta(days=300))
            await quota.keep_refused(connection, refused)
        gate = Gate()

        await take_over_quota(here.database, Governor(clock, lambda: here.settings.gmail.budget), gate, clock.now())

        assert not gate.is_shut(clock.now())


def test_tokens_do_not_show():
    clock = ManualClock()
    assert "secret" not in repr(NewTokens("secret-access", clock.now(), "secret-refresh"))
