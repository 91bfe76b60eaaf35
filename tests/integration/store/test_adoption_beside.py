"""The replaced system goes on writing its own rows in its own shape while afpd adopts one mailbox after another."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    NullPool,
    String,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.orm import Session, declarative_base

from afpd.store.database import Database
from afpd.store.integrations import NewIntegration, add
from afpd.store.prune import prune_emails
from afpd.store.transactions import export

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String(255))
    email = Column(String(255), nullable=False, unique=True)
    created_at = Column(DateTime, default=datetime.now)


class Integration(Base):
    __tablename__ = "integrations"
    __table_args__ = (UniqueConstraint("user_id", "provider"), CheckConstraint("length(email_account) < 50"))
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True)
    provider = Column(String(50), nullable=False)
    email_account = Column(String(255), nullable=False)
    access_token = Column(Text)
    refresh_token = Column(Text)
    is_active = Column(Boolean, nullable=False)
    last_sync = Column(DateTime)
    created_at = Column(DateTime, default=datetime.now)
    updated_at = Column(DateTime)
    region = Column(String(8), nullable=False)  # an extra column without a default


class ImportJob(Base):
    __tablename__ = "email_import_jobs"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey("users.id"), nullable=False)
    integration_id = Column(Integer, ForeignKey("integrations.id"), nullable=False)
    status = Column(String(50), nullable=False)
    emails_found = Column(Integer, nullable=False)
    emails_processed = Column(Integer, nullable=False)
    started_at = Column(DateTime)
    completed_at = Column(DateTime)
    error_message = Column(Text)


class Bank(Base):
    __tablename__ = "banks"
    id = Column(Integer, primary_key=True)
    name = Column(String(255), nullable=False)
    domain = Column(String(255))


class ParsingJob(Base):
    __tablename__ = "email_parsing_jobs"
    id = Column(Integer, primary_key=True)
    email_import_job_id = Column(Integer, ForeignKey("email_import_jobs.id"), nullable=False)
    bank_id = Column(Integer, ForeignKey("banks.id"))
    email_message_id = Column(String(255), nullable=False, unique=True)
    email_subject = Column(Text)
    email_from = Column(String(255))
    email_body = Column(Text)
    parsing_status = Column(String(50))
    parsing_attempts = Column(Integer)
    processed_at = Column(DateTime)
    created_at = Column(DateTime)
    priority = Column(Integer, nullable=False)  # another


class Movement(Base):
    __tablename__ = "transactions"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey("users.id"), nullable=False)
    email_parsing_job_id = Column(Integer, ForeignKey("email_parsing_jobs.id"))
    bank_id = Column(Integer)
    description = Column(Text)
    amount = Column(Float, nullable=False)
    currency = Column(String(3))
    date = Column(DateTime)
    transaction_type = Column(String(50))
    verification_status = Column(String(50))
    created_at = Column(DateTime)
    checksum = Column(String(8), nullable=False)  # and another


@pytest.fixture
def old_system(path):
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _strict(connection, _):
        connection.execute("PRAGMA foreign_keys = ON")

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for number in (1, 2):
            write_one(session, number)
        session.add(Bank(name="BAC", domain="bac.cr"))
        session.commit()
    return engine


def write_one(session, number):
    """Everything that the replaced system writes for a new user with one mail."""
    user = User(name="U", email=f"u{number}@example.org")
    session.add(user)
    session.flush()
    integration = Integration(
        user_id=user.id,
        provider="gmail",
        email_account=f"m{number}@gmail.com",
        refresh_token=f"refresh-{number}",
        is_active=True,
        region="cr",
        last_sync=datetime(2026, 3, 1, 8),
    )
    session.add(integration)
    session.flush()
    job = ImportJob(
        user_id=user.id, integration_id=integration.id, status="completed", emails_found=1, emails_processed=1
    )
    session.add(job)
    session.flush()
    mail = ParsingJob(
        email_import_job_id=job.id,
        email_message_id=f"mail-{number}",
        email_body="b",
        parsing_status="success",
        priority=1,
    )
    session.add(mail)
    session.flush()
    session.add(Movement(user_id=user.id, email_parsing_job_id=mail.id, amount=19.9, currency="CRC", checksum="x"))
    session.commit()
    return user.id


def test_the_old_system_writes_on_in_its_own_shape(old_system, run_upgrade, query):
    run_upgrade(only=frozenset({1}))

    with Session(old_system) as session:
        users = [write_one(session, number) for number in (3, 4)]
        assert users == [3, 4]
        assert session.get(User, 4).email == "u4@example.org"
        assert session.scalar(select(func.count()).select_from(Integration)) == 4
        amounts = list(session.scalars(select(Movement.amount).where(Movement.user_id != 1)))
        assert amounts == [19.9, 19.9, 19.9]  # floats, as it has always read them

    report = run_upgrade()
    assert (report.adoption.adopted, report.adoption.waiting) == (3, 0)
    assert {row["amount"] for row in query("SELECT amount FROM transactions")} == {"19.90"}
    assert {row["integration_id"] for row in query("SELECT integration_id FROM email_parsing_jobs")} == {1, 2, 3, 4}


def test_the_new_system_writes_its_rows_whatever_the_old_one_demanded(old_system, run_upgrade, query):
    run_upgrade()

    # The same user a second time with the same provider; no region, priority, checksum, email: none of it ours to know.
    query("INSERT INTO users (id) VALUES ('ana@example.org'), (50)")
    query("INSERT INTO integrations (user_id, email_account) VALUES (1, 'second@gmail.com')")
    query("INSERT INTO integrations (user_id, email_account) VALUES ('ana@example.org', ?)", "x" * 60)
    query("INSERT INTO email_import_jobs (status, batch_size) VALUES ('running', 0)")
    query("INSERT INTO email_parsing_jobs (integration_id, email_message_id) VALUES (3, 'mail-1')")
    query("INSERT INTO transactions (user_id, amount) VALUES ('ana@example.org', '5.00')")

    kept = query("SELECT user_id, typeof(amount) AS kind, amount FROM transactions ORDER BY id DESC LIMIT 1")
    assert kept == [{"user_id": "ana@example.org", "kind": "text", "amount": "5.00"}]


def test_numbers_of_the_old_system_never_meet_ids_of_the_new_one(old_system, run_upgrade, query):
    run_upgrade()

    with Session(old_system) as session:
        query("INSERT INTO users (id) VALUES ('ana'), ('007'), ('luis')")  # they stand at 3, 7 and 8
        assert write_one(session, 10) == 9
        query("INSERT INTO users (id) VALUES (20)")
        assert write_one(session, 11) == 21
        query("INSERT INTO users (id) VALUES (8)")  # where 'luis' stands
        assert session.get(User, 8).id == 8
        assert write_one(session, 12) > 21


def test_users_are_still_numbered_after_their_row_ids_changed(old_system, run_upgrade, query):
    run_upgrade()
    query("DELETE FROM users WHERE id = 1")
    query("UPDATE users SET rowid = 1 WHERE id = 2")  # as a dump that is read in again leaves it

    query("INSERT INTO users (name, email) VALUES ('n', 'n@example.org')")

    assert query("SELECT id FROM users WHERE email = 'n@example.org'") == [{"id": 3}]


def test_rows_that_the_old_system_adds_to_an_adopted_mailbox_are_adopted_next_time(old_system, run_upgrade, query):
    run_upgrade()
    with Session(old_system) as session:
        job = ImportJob(user_id=1, integration_id=1, status="completed", emails_found=1, emails_processed=1)
        session.add(job)
        session.flush()
        session.add(ParsingJob(email_import_job_id=job.id, email_message_id="mail-1", email_body="again", priority=1))
        session.get(Integration, 1).refresh_token = "signed in again there"
        session.commit()
    before = query("SELECT created_at, last_sync FROM integrations WHERE id = 1")

    report = run_upgrade()

    assert report.adoption.adopted == 0
    assert query("SELECT created_at, last_sync FROM integrations WHERE id = 1") == before
    assert query("SELECT integration_id, duplicate_of_id FROM email_parsing_jobs ORDER BY id DESC LIMIT 1") == [
        {"integration_id": 1, "duplicate_of_id": 1}
    ]
    assert query("SELECT count(*) AS n FROM integrations WHERE refresh_token IS NOT NULL") == [{"n": 0}]
    assert query("SELECT count(*) AS n FROM email_parsing_jobs WHERE email_body IS NOT NULL") == [{"n": 0}]


def test_what_somebody_did_to_a_mailbox_before_its_adoption_is_kept(old_system, run_upgrade, query):
    run_upgrade(only=frozenset())
    query("UPDATE integrations SET import_status = 'suspended', suspend_reason = 'wait' WHERE id = 1")
    query("UPDATE integrations SET sealed_refresh_token = x'01' WHERE id = 2")

    run_upgrade()

    rows = query("SELECT import_status, sealed_refresh_token AS sealed, refresh_token FROM integrations ORDER BY id")
    assert rows[0]["import_status"] == "suspended"
    assert rows[1] == {"import_status": "waiting", "sealed": b"\x01", "refresh_token": None}


def test_a_mailbox_that_was_connected_and_visited_before_its_adoption_goes_on(old_system, run_upgrade, query):
    run_upgrade(only=frozenset())
    query(
        "UPDATE integrations SET sealed_refresh_token = x'01', cursor = '77', last_sync = '2026-03-04 10:00:00.000000'"
    )

    run_upgrade()

    rows = query("SELECT last_sync, cursor, search_from, adopted_at IS NOT NULL AS adopted FROM integrations")
    assert rows == 2 * [{"last_sync": "2026-03-04 10:00:00.000000", "cursor": "77", "search_from": None, "adopted": 1}]


async def test_the_daemon_neither_lists_nor_prunes_rows_that_are_not_adopted_yet(old_system, run_upgrade, path, query):
    query("UPDATE email_parsing_jobs SET processed_at = '2020-01-01 00:00:00'")
    run_upgrade(only=frozenset({1}))
    before = query("SELECT * FROM email_parsing_jobs WHERE id = 2")

    async with Database(path) as database, database.write() as connection:
        pruned = await prune_emails(connection, before=datetime(2021, 1, 1, tzinfo=UTC), limit=10)
        listed = [row["id"] async for row in export(connection)]

    assert (pruned, listed) == (1, [1])
    assert query("SELECT * FROM email_parsing_jobs") == before


async def test_a_mailbox_that_afpd_added_is_never_adopted(old_system, run_upgrade, path, keyring, query):
    run_upgrade()
    new = NewIntegration("ana@example.org", "ana@gmail.com", "1//hers")
    async with Database(path) as database, database.write() as connection:
        key, _ = await add(connection, new, keyring=keyring, now=datetime(2026, 3, 6, tzinfo=UTC))
    before = query("SELECT * FROM integrations WHERE id = ?", key) + query("SELECT * FROM users")

    assert run_upgrade().adoption.adopted == 0
    assert query("SELECT * FROM integrations WHERE id = ?", key) + query("SELECT * FROM users") == before
