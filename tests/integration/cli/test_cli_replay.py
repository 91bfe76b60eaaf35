"""`afpd replay`, on a database whose mails were read with a bank file that was wrong."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from support.wrong_bank import wrong_library

from afpd.clock import SystemClock
from afpd.config import load_settings
from afpd.keyring import Keyring
from afpd.loops.identity import Identity
from afpd.loops.parsing import Parsing
from afpd.model import Email
from afpd.sandbox import Sandbox
from afpd.store import emails
from afpd.store.database import Database

ANA = "ana@example.com"
LAYOUTS = ("cr-bac-card", "cr-bac-card", "cr-bac-card-declined", "cr-bn-voucher")


@pytest.fixture
def misread(place, added):
    """Four mails of one integration: two read wrong, one not at all, one right."""
    added()
    keyring = Keyring.load(place.folder / "afpd.key")
    sandbox = Sandbox(seed=3)
    sandbox.add_user(ANA)
    letters = [sandbox.write_letter(ANA, layout) for layout in LAYOUTS]

    async def fill():
        now, settings, library = datetime.now(UTC), load_settings(place.config).settings, wrong_library()
        sealed = [emails.seal_email(keyring, 1, Email(f"m{n}", now, one.raw)) for n, one in enumerate(letters)]
        async with Database(place.database) as database:
            async with database.write() as connection:
                await emails.insert_emails(connection, sealed, batch_id=None, now=now)
            parsing = Parsing(
                database, keyring, SystemClock(), Identity("node-1", "node-1/1/a"), asyncio.Event(), lambda: None,
                lambda: settings, lambda: library,
            )  # fmt: skip
            await parsing.tick(now)

    asyncio.run(fill())
    return letters


def exported(afpd):
    return [json.loads(line) for line in afpd("transactions", "export", "--json").stdout.splitlines()]


def test_without_apply_it_shows_what_would_change_and_changes_nothing(afpd, misread):
    before = exported(afpd)

    answer = json.loads(afpd("replay", "--json").stdout)

    assert {name: answer[name] for name in ("applied", "emails", "different", "added", "changed", "lost")} == {
        "applied": False, "emails": 4, "different": 3, "added": 1, "changed": 2, "lost": 0,
    }  # fmt: skip
    changed = next(one for one in answer["differences"] if one["email_message_id"] == "m0")
    merchant = misread[0].expected["merchant"]
    assert changed["transactions"][0]["fields"]["merchant"] == [before[0]["merchant"], merchant]
    assert exported(afpd) == before
    assert json.loads(afpd("replay", "--diff", "--json").stdout) == answer


def test_apply_mends_and_then_there_is_nothing_more_to_mend(afpd, misread):
    afpd("replay", "--apply")

    mended = exported(afpd)
    assert [one["revision"] for one in mended] == [2, 2, 1, 1]
    assert json.loads(afpd("replay", "--apply", "--json").stdout)["different"] == 0
    assert exported(afpd) == mended


def test_a_table_tells_each_change_in_a_line(afpd, misread):
    result = afpd("replay", "--bank", "cr-bac", "--since", "1h")

    lines = result.stdout.splitlines()
    assert lines[0].split("\t") == ["job", "bank", "outcome", "change", "id", "fields"]
    assert sum("merchant: " in line and "\tchanged\t" in line for line in lines) == 2
    assert sum("unmatched → success" in line and "\tadded\t" in line for line in lines) == 1
    assert "Nothing was changed: --apply does it." in result.stderr


def test_only_the_outcomes_that_were_asked_for_are_read(afpd, misread):
    answer = json.loads(afpd("replay", "--outcome", "unmatched", "--outcome", "failed", "--json").stdout)
    assert (answer["emails"], answer["added"], answer["changed"]) == (1, 1, 0)


def test_a_bank_that_nobody_knows_is_named(afpd, misread):
    assert "--bank: no bank cr-nada" in afpd("replay", "--bank", "cr-nada", fails=1).stderr


def test_diff_and_apply_exclude_each_other(afpd, database):
    afpd("replay", "--diff", "--apply", fails=2)
