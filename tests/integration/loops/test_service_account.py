"""Mailboxes that a service account reads: no refresh token, claims that the sandbox verifies, and whose trouble what is."""

from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest
from support.clock import ManualClock
from support.world import World, world

from afpd.config import parse_service_account
from afpd.gmail import Gmail
from afpd.loops.parts import Parts
from afpd.store import integrations

ANA, BO = "ana@example.com", "bo@example.org"


@dataclass
class Robot:
    """A world whose Gmail has a service account."""

    here: World
    clock: ManualClock

    async def add(self, address: str) -> int:
        new = integrations.NewIntegration(address, address, None)
        async with self.here.database.write() as connection:
            return (await integrations.add(connection, new, keyring=self.here.keyring, now=self.clock.now()))[0]

    async def row(self, key: int):
        return await self.here.integration(key)

    @property
    def parts(self) -> Parts:
        return self.here.parts


@pytest.fixture
async def robot(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        content = orjson.dumps(here.sandbox.tokens.delegation.key_file(here.url))
        account = parse_service_account(content, "sandbox")
        session = here.gmail._line.transport._session
        here.gmail = Gmail(session, here.settings.gmail, None, clock, account=account)
        for address in (ANA, BO):
            here.sandbox.add_user(address)
        yield Robot(here, clock)


async def test_the_mail_of_a_delegated_mailbox_is_imported_and_its_token_kept_sealed(robot):
    key = await robot.add(ANA)
    mails = [robot.here.receive(ANA) for _ in range(2)]
    await robot.here.tick()
    row = await robot.row(key)
    assert await robot.here.kept() == sorted(mails)
    assert row.sealed_refresh_token is None
    assert row.sealed_access_token is not None
    assert b"ya29" not in row.sealed_access_token
    await robot.clock.advance(300)
    await robot.here.tick()
    assert robot.here.sandbox.traffic.requests["token"] == 1


async def test_without_any_delegation_the_gate_shuts_and_marks_nobody(robot):
    key = await robot.add(ANA)
    robot.here.sandbox.tokens.delegation.scopes.clear()
    await robot.here.tick()
    row = await robot.row(key)
    assert (row.import_status, row.last_error_message, row.failures_in_a_row) == ("waiting", None, 0)
    assert "Domain-wide delegation" in robot.parts.gate.reason
    robot.here.sandbox.tokens.delegation.scopes.add(robot.here.settings.gmail.scope)
    await robot.clock.advance(301)
    await robot.here.tick()
    assert (await robot.row(key)).last_verified_at is not None
    assert robot.parts.gate.reason is None


async def test_one_domain_that_does_not_delegate_stops_no_other_domain_and_marks_nobody(robot):
    ana, bo = await robot.add(ANA), await robot.add(BO)
    await robot.here.tick()
    robot.here.sandbox.tokens.delegation.refusing.add("example.org")
    robot.here.sandbox.tokens.expire(robot.here.sandbox.mailboxes[BO])
    await robot.clock.advance(300)
    mail = robot.here.receive(ANA)
    await robot.here.tick()
    row = await robot.row(bo)
    assert mail in await robot.here.kept()
    assert robot.parts.gate.reason is None
    assert (row.import_status, row.failures_in_a_row) == ("waiting", 0)
    assert "example.org" in row.last_error_message
    assert (await robot.row(ana)).last_error_message is None
    robot.here.sandbox.tokens.delegation.refusing.clear()
    await robot.clock.advance(300)
    missed = robot.here.receive(BO)
    await robot.here.tick()
    assert missed in await robot.here.kept()


async def test_a_user_whom_the_domain_does_not_know_is_that_integration_s_error_in_words(robot):
    key = await robot.add("nobody@example.com")
    other = await robot.add(ANA)
    await robot.here.tick()
    assert (await robot.row(key)).import_status == "waiting"
    await robot.clock.advance(301)
    await robot.here.tick()
    row = await robot.row(key)
    assert row.import_status == "error"
    assert "knows no user of this address" in row.last_error_message
    assert (await robot.row(other)).import_status == "waiting"


async def test_a_row_of_the_other_kind_waits_for_its_key_and_stops_nobody(robot):
    ana = await robot.add(ANA)
    bo = await robot.here.connect(BO)
    await robot.here.tick()
    row = await robot.row(bo)
    assert row.import_status == "waiting"
    assert "gmail.client_file" in row.last_error_message
    assert row.next_run_at > robot.clock.now() + timedelta(seconds=1)
    assert (await robot.row(ana)).last_verified_at is not None
