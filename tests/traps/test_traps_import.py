"""How others lost mail: each way is played against the importer. Numbers and sources: docs of each test.

That each of these tests can fail is shown by mutations.py.
"""

from datetime import timedelta

import pytest
from model.universe import LeapingClock
from sqlalchemy import select
from support.world import World, world

from afpd.sandbox import Fault
from afpd.store import schema

ANA = "ana@example.com"
PLAIN = {"adaptive": False}


async def visit(here: World, minutes: float = 5) -> dict[str, object]:
    here.clock.elapsed += minutes * 60
    return await here.tick()


async def connected(here: World) -> int:
    key = await here.connect(ANA)
    await here.tick()
    return key


async def parked(here: World) -> list[str]:
    return [row.email_message_id for row in await here.rows(select(schema.parked_emails))]


async def test_the_cursor_passes_a_mail_that_could_not_be_fetched_only_when_it_is_parked(tmp_path):
    """Trap 1: the cursor moved past failed fetches (GYB #544, trycompai/crm #33, msgvault #777)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await connected(here)
        before = (await here.integration(key)).cursor
        poor, good = here.receive(ANA), here.receive(ANA)
        here.sandbox.faults.add(Fault.SERVER_500, message_id=poor)

        await visit(here)

        assert (await here.integration(key)).cursor != before
        assert (await here.kept(), await parked(here)) == ([good], [poor])


async def test_no_cursor_passes_mails_when_none_of_them_can_be_fetched(tmp_path):
    """Trap 1: the cursor moved past failed fetches (GYB #544, trycompai/crm #33, msgvault #777)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await connected(here)
        before = (await here.integration(key)).cursor
        mails = [here.receive(ANA) for _ in range(4)]
        here.sandbox.faults.add(Fault.SERVER_503, method="messages.get")

        await visit(here)

        assert (await here.integration(key)).cursor == before
        here.sandbox.faults.clear()
        await visit(here)
        assert await here.kept() == sorted(mails)


async def test_the_cursor_moves_only_after_the_last_page_of_the_history(tmp_path):
    """Trap 2: the cursor moved after the first page (n8n #37261, inbox-zero #1174)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        old = here.sandbox.add_user(ANA).deliver(b"From: a@example.net\r\n\r\nhello\r\n")
        await connected(here)
        here.sandbox.mailboxes[ANA].largest_page = 2
        for _ in range(3):
            here.sandbox.mailboxes[ANA].add_label(old, "STARRED")  # the first pages tell of no new mail
        mail = here.receive(ANA)

        await visit(here)

        assert await here.kept() == [mail]


async def test_one_poison_message_blocks_no_mailbox(tmp_path):
    """Trap 3: one poison message blocks a mailbox for ever (gbrain #4959)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await connected(here)
        before = (await here.integration(key)).cursor
        poison, good = here.receive(ANA), here.receive(ANA)
        broken = here.sandbox.mailboxes[ANA].messages[poison]
        assert broken.heads.senders  # the search knows it, but there is nothing to download
        broken.raw = b""

        await visit(here)

        row = await here.integration(key)
        assert (await here.kept(), row.last_error_message) == ([good], None)
        assert row.cursor != before


async def test_a_rate_limit_is_not_counted_as_poison(tmp_path):
    """Trap 3: rate-limit failures counted as poison (gbrain #4959)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await connected(here)
        here.receive(ANA)
        here.sandbox.faults.add(Fault.RATE_429, method="messages.get")

        await visit(here)

        assert await parked(here) == []
        assert (await here.integration(key)).import_status == "suspended"


async def test_an_expired_history_is_no_trouble_of_the_account(tmp_path):
    """Trap 4: 404 on history treated as account death (relaticle #610)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await connected(here)
        here.receive(ANA)
        here.sandbox.mailboxes[ANA].expire_history()

        await visit(here)

        row = await here.integration(key)
        assert (row.import_status, row.last_error_message, row.failures_in_a_row) == ("waiting", None, 0)


async def test_the_gap_of_an_expired_history_is_searched(tmp_path):
    """Trap 4: the cursor jumped to the head and the gap was lost (EmailEngine)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await connected(here)
        mail = here.receive(ANA)
        here.sandbox.mailboxes[ANA].expire_history()

        await visit(here)

        assert await here.kept() == [mail]
        assert (await here.integration(key)).cursor == str(here.sandbox.mailboxes[ANA].history_id)


async def test_what_the_history_never_tells_of_is_found_within_two_days(tmp_path):
    """Trap 5: history alone misses mail (GeneralTask #1325), such as what is rescued from spam."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        await connected(here)
        mailbox = here.sandbox.mailboxes[ANA]
        letter = here.sandbox.write_letter(ANA, "cr-bac-card")
        mail = mailbox.deliver(letter.raw, received_at=letter.received_at, labels=("SPAM",))
        await visit(here, 60 * 4)
        mailbox.rescue_from_spam(mail)

        for _ in range(2):
            await visit(here, 60 * 24)

        assert await here.kept() == [mail]


async def test_mails_of_one_second_and_of_a_late_index_are_all_kept_within_hours(tmp_path):
    """Trap 6: time watermarks miss mail of the same second or of a late index (n8n #4272: 5 of 14 lost)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        await connected(here)
        here.clock.elapsed += 60
        mails = [here.receive(ANA, indexed_after=lag) for lag in (0, 0, 600, 1200)]
        await here.tick(here.clock.now() + timedelta(minutes=5))
        mails += [here.receive(ANA), here.receive(ANA)]

        for _ in range(14):
            await visit(here, 10)

        assert await here.kept() == sorted(mails)


@pytest.mark.parametrize("fault", [Fault.RATE_403, Fault.USER_RATE_403])
async def test_a_quota_that_says_403_is_a_pause_and_no_missing_right(tmp_path, fault):
    """Trap 7: 403 quota taken for a permission error (GYB #309)."""
    async with world(tmp_path, clock=LeapingClock(), **{"import": PLAIN}) as here:
        key = await connected(here)
        mail = here.receive(ANA)
        here.sandbox.faults.add(fault, method="messages.list", first=1)

        await visit(here)

        row = await here.integration(key)
        assert row.import_status in ("suspended", "waiting")
        assert (row.last_error_message is None) == (fault is Fault.RATE_403)  # a project's quota marks nobody
        assert row.failures_in_a_row == (0 if fault is Fault.RATE_403 else 1)
        assert (fault is Fault.RATE_403) == here.parts.gate.is_shut(here.clock.now())
        await visit(here, 30)
        assert await here.kept() == [mail]


async def test_no_request_is_tried_more_often_in_one_visit_than_allowed(tmp_path):
    """Trap 10: unbounded retries inside one poll (msgvault #806)."""
    async with world(tmp_path, clock=LeapingClock(), gmail={"max_retries": 3}) as here:
        await here.connect(ANA)
        here.sandbox.faults.add(Fault.SERVER_503, method="getProfile")

        await here.tick()

        assert here.sandbox.traffic.requests["getProfile"] == 4


@pytest.mark.parametrize("first", [2**53 + 1, 2**63 + 1, 2**64 - 10**6])
async def test_a_history_id_keeps_every_digit_of_its_64_bits(tmp_path, first):
    """Trap 17: historyId as float or signed int (EmailEngine)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        here.sandbox.add_user(ANA, first_history_id=first)
        key = await connected(here)
        mails = [here.receive(ANA)]
        await visit(here)
        mails.append(here.receive(ANA))
        await visit(here)

        assert await here.kept() == sorted(mails)
        assert (await here.integration(key)).cursor == str(here.sandbox.mailboxes[ANA].history_id)


async def test_the_history_is_asked_from_our_own_cursor_and_never_from_a_newer_id(tmp_path):
    """Trap 18: the history id of a notification used as start (python-samples #200).

    afpd has no push yet; the bell's newest id is the same temptation, and the same rule stands for both.
    """
    async with world(tmp_path, clock=LeapingClock()) as here:
        await connected(here)
        mail = here.receive(ANA)

        await visit(here)

        assert await here.kept() == [mail]


async def test_a_mailbox_that_announces_nothing_is_asked_at_every_turn_all_the_same(tmp_path):
    """Trap 19: a watch silently expired (inbox-zero #3622). Nothing is watched: the bell is rung at every turn."""
    async with world(tmp_path, clock=LeapingClock(), **{"import": PLAIN}) as here:
        await connected(here)
        for _ in range(12):
            await visit(here)

        assert here.sandbox.traffic.requests["getProfile"] == 13
        assert here.sandbox.traffic.requests["watch"] == 0


async def test_a_poison_message_is_kept_once_it_can_be_read(tmp_path):
    """Trap 20: poison, skip and error states that can never be left again."""
    async with world(tmp_path, clock=LeapingClock(), gmail={"max_retries": 0}) as here:
        await connected(here)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.TRUNCATED, message_id=mail)
        for _ in range(12):
            await visit(here, 60 * 25)
        assert await parked(here) == [mail]

        here.sandbox.faults.clear()
        for _ in range(2):
            await visit(here, 60 * 25)

        assert (await here.kept(), await parked(here)) == ([mail], [])
