"""A database of the replaced system and the daemon's first starts on it, while Gmail still holds the same mails."""

import json
import sqlite3
import stat
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import MetaData, NullPool, create_engine, insert, select, update
from support.daemon import Daemon, Program, afpd, until, write_config
from support.legacy import BASE, Legacy, LegacyMail, make_legacy_database
from support.serving import Served, served

from afpd.sandbox import Sandbox
from afpd.sandbox.letters import MONEY, PRIVATE, QUIET, Letter

INTEGRATIONS, MAILS = 50, 1000
LAST_SYNC = BASE.replace(tzinfo=ZoneInfo("America/Costa_Rica"))
STATUSES = ("success", "completed", "failed", "pending", "skipped", None, "parsed", "success")
TABLES = ("users", "integrations", "email_import_jobs", "email_parsing_jobs", "banks", "transactions")
NO_TOKEN, INACTIVE = 3, 4  # of the trouble that tests/support/legacy.py adds
BEFORE = ".before-afpd"


@dataclass
class Old:
    """The replaced system's database, the Gmail beside it, and what is really new there: (address, Gmail id)."""

    legacy: Legacy
    gmail: Served
    config: Path
    new: dict[tuple[str, str], int]
    silent: set[tuple[str, str]]
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.legacy.path, timeout=20)) as database:
            return database.execute(statement, values).fetchall()

    def legacy_rows(self, table: str, where: str = "true") -> list[tuple[Any, ...]]:
        """What the replaced system sees of a table: each value with its type."""
        shown = ", ".join(f"typeof({name}), {name}" for name in self.columns[table])
        return self.query(f"SELECT {shown} FROM {table} WHERE {where} ORDER BY id")

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: self.query(f"SELECT * FROM {table} ORDER BY id") for table in TABLES}

    def booked_by_afpd(self) -> Counter[tuple[str, str]]:
        """Transactions of mails, by address and Gmail id, that the replaced system did not have."""
        return Counter(
            self.query(
                "SELECT email_account, t.email_message_id FROM transactions t "
                "JOIN integrations i ON i.id = t.integration_id WHERE t.template IS NOT NULL"
            )
        )

    def plain(self, *integrations: int) -> list[str]:
        """Those of the plain tokens and bodies that a file of the database still holds."""
        files = self.legacy.path.parent.glob(f"{self.legacy.path.name}*")
        content = b"".join(file.read_bytes() for file in files if not file.name.endswith(BEFORE))
        return [secret for secret in self.legacy.secrets(*integrations) if secret.encode() in content]

    def start_and_visit(self, *words: str) -> str:
        """Start the daemon, wait until everybody who can be is visited and everything is read, stop; its log."""
        log = self.config.parent / "daemon.log"
        log.unlink(missing_ok=True)
        daemon = Daemon(self.config, *words)
        chosen = f"id IN ({words[1]})" if words else f"is_active AND id <> {NO_TOKEN if self.has_trouble else 0}"
        try:
            assert daemon.port
            until(lambda: self._is_done(daemon, chosen), 60)
        finally:
            assert daemon.stop() == 0
        return log.read_text()

    has_trouble: bool = False

    def _is_done(self, daemon: Program, chosen: str) -> bool:
        assert daemon.is_alive
        pending = "SELECT count(*) FROM email_parsing_jobs WHERE parsing_status = 'pending' AND received_at NOT NULL"
        due = f"SELECT count(*) FROM integrations WHERE {chosen} AND (cursor IS NULL OR run_now_at NOT NULL)"
        return self.query(f"SELECT ({pending}), ({due})") == [(0, 0)]


def write_mails(sandbox: Sandbox) -> tuple[list[LegacyMail], list[tuple[str, Letter, str | None]]]:
    """Letters that both have: the old rows, keyed in every way it did, and each with its address and Gmail id."""
    rows, letters = [], []
    for number in range(MAILS):
        integration = 1 + number % INTEGRATIONS
        address = f"mailbox{integration}@gmail.com"
        letter = sandbox.write_letter(address, MONEY[number % len(MONEY)], LAST_SYNC - timedelta(minutes=2.8 * number))
        gmail_id = f"{0x18F000000000 + number:x}"
        keys = [(gmail_id,), (f"<{letter.message_id}>",), (letter.message_id,), (gmail_id, f"<{letter.message_id}>")]
        chosen = keys[number // INTEGRATIONS % 4 if number % 100 else 3]
        status = STATUSES[number % len(STATUSES)]
        for key in chosen:
            body = f"Comercio: TIENDA {number} Autorizacion: {number * 7919:012x}"
            rows.append(LegacyMail(integration, key, f"Aviso {number}", "BAC <x@bac.cr>", body, status, number % 3 > 0))
        letters.append((address, letter, gmail_id if gmail_id in chosen else None))
    return rows, letters


def deliver_new(sandbox: Sandbox) -> tuple[dict[tuple[str, str], int], set[tuple[str, str]]]:
    """For each mailbox: two bank mails that nobody has seen, one of them before its last sync, and some to leave."""
    new, silent = {}, set()
    for number in range(1, INTEGRATIONS + 1):
        address = f"mailbox{number}@gmail.com"

        def give(layout: str, moment: datetime, address: str = address) -> tuple[str, str]:
            return address, sandbox.deliver(address, sandbox.write_letter(address, layout, moment))

        new[give(MONEY[number % len(MONEY)], LAST_SYNC + timedelta(days=1))] = 1
        new[give(MONEY[-number % len(MONEY)], LAST_SYNC - timedelta(hours=47))] = 1
        silent.add(give(QUIET[number % len(QUIET)], LAST_SYNC + timedelta(days=2)))
        silent.add(give(PRIVATE[number % len(PRIVATE)], LAST_SYNC + timedelta(days=2)))
        silent.add(give(MONEY[0], LAST_SYNC - timedelta(days=4)))  # before the first search begins
    return new, silent


@pytest.fixture
def old(tmp_path, request):
    """The replaced system's world; with the parameter `trouble` also its duplicates, orphans and odd integrations."""
    trouble = getattr(request, "param", None) == "trouble"
    sandbox = Sandbox(seed=5)
    rows, letters = write_mails(sandbox)
    legacy = make_legacy_database(
        tmp_path / "afpd.db", integrations=INTEGRATIONS, mails=rows, extras=trouble, trouble=trouble
    )
    for number in range(1, INTEGRATIONS + 1):
        tokens = legacy.tokens.get(number, ["1//nobody has it"])
        sandbox.add_user(f"mailbox{number}@gmail.com", refresh_token=tokens[0])
    for address, letter, gmail_id in letters:
        sandbox.deliver(address, letter, message_id=gmail_id)
    new, silent = deliver_new(sandbox)
    with served(sandbox) as gmail:
        config = write_config(tmp_path, gmail.url, imports={"every": "1h"}, parsing={"every": "1s"})
        (tmp_path / "gmail").mkdir()
        sandbox.write_client_secret(tmp_path / "gmail" / "client_secret.json", gmail.url)
        world = Old(legacy, gmail, config, new, silent, has_trouble=trouble)
        for table in TABLES:
            world.columns[table] = [row[1] for row in world.query(f"PRAGMA table_info({table})")]
            world.rows[table] = world.legacy_rows(table)
        yield world


@pytest.mark.parametrize("old", ["trouble"], indirect=True)
def test_the_first_start_takes_over_and_books_only_what_is_new(old):
    log = old.start_and_visit()

    copy = old.legacy.path.with_name(old.legacy.path.name + BEFORE)
    told = [line for line in log.splitlines() if str(copy) in line]
    assert len(told) == 1
    assert "plain tokens" in told[0]
    assert "delete it once all is well" in told[0]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as before:
        tokens = before.execute("SELECT refresh_token FROM integrations WHERE id = 1").fetchone()
    assert tokens == (old.legacy.tokens[1][0],)
    assert old.plain() == []
    assert not [secret for secret in old.legacy.secrets() if secret in log]

    states = dict(old.query("SELECT import_status, count(*) FROM integrations GROUP BY 1"))
    assert states == {"waiting": INTEGRATIONS - 1, "error": 1}  # the one without a token has to sign in
    for table in TABLES:
        kept = {row[0] for row in old.query(f"SELECT id FROM {table}")}
        assert {row[1] for row in old.rows[table]} <= kept, f"rows of {table} are gone"
    assert_booked(old, skipped={NO_TOKEN, INACTIVE, 5})  # 5 never synced: its first import is 30 days, as for anybody


def assert_booked(old: Old, skipped: set[int]) -> None:
    """Each new bank mail has exactly its transactions, and no other mail has one of afpd's."""
    addresses = {f"mailbox{number}@gmail.com" for number in skipped}
    wanted = {key: count for key, count in old.new.items() if key[0] not in addresses}
    assert old.booked_by_afpd() == wanted
    assert len(old.query("SELECT id FROM transactions")) == len(old.rows["transactions"]) + len(wanted)


def test_a_second_start_changes_nothing_and_a_second_visit_books_nothing(old):
    first = old.start_and_visit()
    assert "adopted 50 integrations" in first
    before = old.everything()

    again = old.start_and_visit()

    after = old.everything()
    batches = after.pop("email_import_jobs")
    assert batches[: len(before["email_import_jobs"])] == before.pop("email_import_jobs")
    assert [row[1] for row in batches[-1:]] != []
    assert after == before
    assert "adopted" not in again
    assert BEFORE not in again

    with closing(sqlite3.connect(old.legacy.path)) as database, database:
        database.execute("UPDATE integrations SET run_now_at = '2026-01-01 00:00:00.000000', cursor = NULL")
    old.start_and_visit()
    visited = old.everything()
    for table in ("users", "email_parsing_jobs", "transactions"):
        assert visited[table] == before[table], f"a second search of everything changed {table}"
    assert_booked(old, skipped=set())


def test_only_two_first_then_the_others(old):
    """The gradual roll-out: two integrations are tried while the replaced system goes on with the others."""
    engine = create_engine(f"sqlite:///{old.legacy.path}", poolclass=NullPool)
    tables = MetaData()
    tables.reflect(engine)  # as the replaced system's models know them, before afpd

    log = old.start_and_visit("--only", "3,7")

    assert "adopted 2 integrations" in log
    jobs = "SELECT id FROM email_import_jobs WHERE integration_id IN (3, 7) OR integration_id IS NULL"
    others = {
        "users": "id NOT IN (2, 7)",  # their people
        "integrations": "id NOT IN (3, 7)",
        "email_import_jobs": "integration_id NOT IN (3, 7)",
        "email_parsing_jobs": f"email_import_job_id NOT IN ({jobs})",
        "transactions": "user_id NOT IN (2, 7)",
    }
    untouched = {table: old.legacy_rows(table, where) for table, where in others.items()}
    for table, rows in untouched.items():
        assert len(rows) > 40
        assert Counter(rows) <= Counter(old.rows[table]), f"rows of others were touched in {table}"
    assert {address for address, _ in old.booked_by_afpd()} == {"mailbox3@gmail.com", "mailbox7@gmail.com"}
    assert old.plain(3, 7) == []
    assert len(old.plain(8)) == len(old.legacy.secrets(8))

    daemon = Daemon(old.config, "--only", "3,7")
    try:
        assert daemon.port
        written = [write_as_the_old_system(engine, tables, number) for number in range(20)]
        assert daemon.is_alive
    finally:
        assert daemon.stop() == 0
    assert {row[0] for row in old.query("SELECT typeof(amount) FROM transactions WHERE user_id = 8")} == {"real"}

    assert "adopted 48 integrations" in old.start_and_visit()
    assert old.plain() == []
    kept = old.query("SELECT count(*) FROM email_parsing_jobs WHERE integration_id = 8 AND email_message_id LIKE 'w-%'")
    assert kept == [(len(written),)]
    old.rows["transactions"] += [()] * len(written)
    assert_booked(old, skipped=set())


def write_as_the_old_system(engine: Any, tables: MetaData, number: int) -> int:
    """Import one mail of integration 8 as the replaced system does, and read it back as it does."""
    run, mail, booked, box = (
        tables.tables[name] for name in ("email_import_jobs", "email_parsing_jobs", "transactions", "integrations")
    )
    now = datetime(2026, 3, 1, 9, number)
    with engine.begin() as connection:
        job = connection.execute(
            insert(run).values(
                user_id=8, integration_id=8, status="completed", emails_found=1, emails_processed=1, started_at=now
            )
        ).inserted_primary_key[0]
        key = connection.execute(
            insert(mail).values(
                email_import_job_id=job, email_message_id=f"w-{number}", email_body="b", parsing_status="success"
            )
        ).inserted_primary_key[0]
        connection.execute(insert(booked).values(user_id=8, email_parsing_job_id=key, amount=0.1 + 0.2, date=now))
        connection.execute(update(box).where(box.c.id == 8).values(last_sync=now))
    with engine.connect() as connection:
        row = connection.execute(select(booked.c.amount).where(booked.c.email_parsing_job_id == key)).one()
    assert row.amount == 0.1 + 0.2
    return int(key)


def test_upgrade_alone_takes_over_only_those_that_are_named(old):
    answer = afpd("db", "upgrade", "--only", "3,7", "--json", config=old.config)

    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert [remark for remark in told["remarks"] if "adopted 2 integrations" in remark]
    assert old.query("SELECT id FROM integrations WHERE adopted_at NOT NULL") == [(3,), (7,)]
    assert old.plain(3, 7) == []
    assert old.legacy_rows("integrations", "id NOT IN (3, 7)") == [
        row for row in old.rows["integrations"] if row[1] not in (3, 7)
    ]

    unknown = afpd("db", "upgrade", "--only", "7,99", config=old.config)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "--only: no integration 99" in unknown.stderr

    assert afpd("db", "upgrade", config=old.config).returncode == 0
    assert old.query("SELECT count(*) FROM integrations WHERE adopted_at IS NULL") == [(0,)]
    assert old.plain() == []
