"""What audits found and what is parked, as commands show it; and trying parked mails again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from afpd.store.integrations import wants_run_now
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.schema import integrations, parked_emails
from afpd.store.senders import number

NOW = datetime.now(UTC)
STRANGER = "avisos-nuevos@mail.baccredomatic.com"


def job(key, integration_id=1, **more):
    common = {"integration_id": integration_id, "email_message_id": key, "found_by": "audit", "received_at": NOW}
    return {"email_from": STRANGER, "sender_is_unknown": False, "parsing_status": "unmatched"} | common | more


@pytest.fixture
def busy(place, added):
    """Two integrations: one with parked ids and a missing mail, and unknown senders in both."""
    added(), added("user_2", "b@example.com")

    async def fill(connection):
        await connection.execute(update(integrations).where(integrations.c.id == 1).values(emails_missing=1))
        unknown = {"sender_is_unknown": True, "created_at": NOW - timedelta(days=1)}
        rows = [
            job("m1"),
            job("u1", **unknown),
            job("u2", 2, **unknown),
            job("read", **unknown, parsing_status="success"),
        ]
        for row in rows:
            await connection.execute(insert(jobs).values(**row))
        for reason, attempts in (("poison", 5), ("failed", 2), ("unseen", 0)):
            values = {"reason": reason, "attempts": attempts, "parked_at": NOW, "next_at": NOW + timedelta(days=1)}
            await connection.execute(
                insert(parked_emails).values(integration_id=1, email_message_id=f"p-{reason}", **values)
            )

    place.in_database(fill)


def shown(afpd, key=1):
    return json.loads(afpd("integrations", "show", str(key), "--json").stdout)


def test_show_lists_what_is_parked_and_what_audits_found(afpd, busy):
    record = shown(afpd)
    assert {one["email_message_id"]: (one["reason"], one["attempts"]) for one in record["parked"]} == {
        "p-poison": ("poison", 5), "p-failed": ("failed", 2), "p-unseen": ("unseen", 0),
    }  # fmt: skip
    assert [(one["email_message_id"], one["sender_is_unknown"]) for one in record["audited"]] == [
        ("read", True), ("u1", True), ("m1", False),
    ]  # fmt: skip
    told = afpd("integrations", "show", "1").stdout
    assert "reason poison, attempts 5" in told


def test_list_missing_names_those_where_an_audit_found_something(afpd, busy):
    told = json.loads(afpd("integrations", "list", "--missing", "--json").stdout)
    assert [one["id"] for one in told["integrations"]] == [1]


def test_unknown_senders_are_listed_with_their_bank_and_counts(afpd, busy):
    (told,) = json.loads(afpd("banks", "senders", "--unknown", "--json").stdout)["senders"]
    assert (told["address"], told["bank"], told["emails"], told["integrations"]) == (STRANGER, "cr-bac", 2, 2)
    assert afpd("banks", "senders", "--unknown").stdout.splitlines()[1].split("\t")[:4] == [
        STRANGER,
        "cr-bac",
        "2",
        "2",
    ]


def test_known_senders_are_listed_with_the_moment_since_when(afpd, place, busy):
    place.in_database(lambda connection: number(connection, ["avisos@baccredomatic.com"], now=NOW))
    (told,) = json.loads(afpd("banks", "senders", "--json").stdout)["senders"]
    assert (told["address"], told["bank"]) == ("avisos@baccredomatic.com", "cr-bac")


def test_run_now_tries_parked_mails_again_when_asked_to(afpd, place, busy):
    async def look(connection):
        rows = await connection.execute(select(parked_emails).order_by(parked_emails.c.email_message_id))
        row = (await connection.execute(select(integrations).where(integrations.c.id == 1))).one()
        return (
            [(one.reason, one.attempts, one.next_at) for one in rows],
            row.look_again_at,
            await wants_run_now(connection),
        )

    afpd("integrations", "run-now", "1")
    assert place.in_database(look)[1] is None
    assert "parked" in afpd("integrations", "run-now", "1", "--retry-parked").stdout
    parked, look_again_at, wanted = place.in_database(look)
    assert parked[:2] == [("failed", 0, None), ("failed", 0, None)]
    assert parked[2][0] == "unseen"
    assert look_again_at < NOW
    assert wanted


def test_a_visit_under_way_loses_its_lease_when_parked_mails_are_to_be_tried(afpd, place, busy):
    async def lease(connection):
        values = {"import_status": "running", "lease_owner": "o", "lease_until": NOW + timedelta(hours=1)}
        await connection.execute(update(integrations).where(integrations.c.id == 1).values(**values))

    place.in_database(lease)
    assert (
        json.loads(afpd("integrations", "run-now", "1", "--retry-parked", "--json").stdout)["import_status"]
        == "waiting"
    )
