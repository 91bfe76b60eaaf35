"""How others lost access, or cried wolf about it: each way is played against afpd. See also test_traps_import.py."""

import asyncio

from model.universe import LeapingClock
from structlog.testing import capture_logs
from support.world import World, world

from afpd.errors import MessageGone, RateLimited
from afpd.gmail import Access, Mailbox
from afpd.gmail.shapes import RawMessage
from afpd.sandbox import Fault

ANA = "ana@example.com"
DAY = 60 * 24


async def visit(here: World, minutes: float = 5) -> dict[str, object]:
    here.clock.elapsed += minutes * 60
    return await here.tick()


def opened(here: World) -> Mailbox:
    return here.gmail.mailbox(Access(here.sandbox.mailboxes[ANA].refresh_token), ANA)


async def test_every_part_of_a_batch_has_an_end_of_its_own(tmp_path):
    """Trap 8: inner batch errors ignored: the outer 200 says nothing (GYB #544 lost 849 mails)."""
    async with world(tmp_path, clock=LeapingClock(), gmail={"batch_size": 10}) as here:
        here.sandbox.add_user(ANA)
        ids = [here.receive(ANA) for _ in range(4)]
        here.sandbox.mailboxes[ANA].delete(ids[1])

        found = await opened(here).raws(ids)

        assert [type(one) for one in found] == [RawMessage, MessageGone, RawMessage, RawMessage]
        assert here.sandbox.traffic.requests["batch"] == 1
        here.sandbox.faults.add(Fault.RATE_429, message_id=ids[2])
        assert RateLimited in [type(one) for one in await opened(here).raws(ids)]


async def test_one_mailbox_is_never_asked_more_than_two_things_at_once(tmp_path):
    """Trap 9: many parallel gets per user (amp-labs #2942)."""
    async with world(tmp_path) as here:
        here.sandbox.add_user(ANA)
        here.sandbox.latency = 0.01
        mails = [here.receive(ANA) for _ in range(12)]
        mailbox = opened(here)

        await asyncio.gather(*(mailbox.raw(mail) for mail in mails))

        assert here.sandbox.traffic.peak[ANA] == 2


async def test_trouble_of_the_token_endpoint_asks_nobody_to_sign_in(tmp_path):
    """Trap 11: transient refresh error shown as "reconnect" (inbox-zero #2916)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await here.connect(ANA)
        for fault in (Fault.SERVER_503, Fault.HTML_502, Fault.RATE_429, Fault.TRUNCATED, Fault.CUT, Fault.EMPTY_504):
            here.sandbox.faults.clear()
            here.sandbox.faults.add(fault, method="token")
            await visit(here, 60)
            assert (await here.integration(key)).import_status == "waiting"

        here.sandbox.faults.clear()
        mail = here.receive(ANA)
        await visit(here, 60)
        assert await here.kept() == [mail]


async def test_a_grant_that_is_gone_for_good_is_not_asked_for_again_and_again(tmp_path):
    """Trap 12: a dead token retried for ever (inbox-zero #699)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        key = await here.connect(ANA)
        here.sandbox.revoke(ANA)
        for _ in range(10):
            await visit(here, 10)
        asked = here.sandbox.traffic.requests["token"]

        for _ in range(10):
            await visit(here, DAY)

        assert (await here.integration(key)).import_status == "error"
        assert here.sandbox.traffic.requests["token"] == asked


async def test_a_rejected_client_marks_no_user_dead(tmp_path):
    """Trap 13: invalid_client marked all users dead (ithaca #585)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        keys = [await here.connect(f"u{number}@example.com") for number in range(3)]
        here.sandbox.faults.add(Fault.INVALID_CLIENT, method="token")
        for _ in range(6):
            await visit(here, 10)

        rows = [await here.integration(key) for key in keys]
        assert {(row.import_status, row.failures_in_a_row) for row in rows} == {("waiting", 0)}
        here.sandbox.faults.clear()
        assert (await visit(here, 60))["integrations_processed"] == 3


async def test_many_who_want_a_token_at_once_send_one_request(tmp_path):
    """Trap 14: refresh stampede (n8n #12742)."""
    async with world(tmp_path, clock=LeapingClock()) as here:
        here.sandbox.add_user(ANA)
        mailbox = opened(here)

        await asyncio.gather(*(mailbox.profile() for _ in range(5)))

        assert here.sandbox.traffic.requests["token"] == 1


async def test_the_same_trouble_is_told_aloud_once_however_long_it_lasts(tmp_path):
    """Trap 21: the same error alerted again at every cycle for ever."""
    async with world(tmp_path, clock=LeapingClock(), gmail={"max_retries": 0}) as here:
        await here.connect(ANA)
        here.sandbox.faults.add(Fault.SERVER_503, method="getProfile")
        with capture_logs() as told:
            for _ in range(8):
                await visit(here, 90)

        assert here.sandbox.traffic.requests["getProfile"] >= 8
        assert [line["event"] for line in told if line["log_level"] != "debug"] == ["integration.failed"]
