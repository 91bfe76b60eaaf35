"""`afpd transactions`: lists and exports."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from afpd.cli.transactions import COLUMNS
from afpd.store.schema import banks, integrations, transactions

NOW = datetime.now(UTC)
T = ("kind", "direction", "status", "amount", "currency", "occurred_at", "dated_by", "merchant", "account", "reference",
     "authorization")  # fmt: skip
EXPORTED = ("id", "user_id", "integration_id", "email_message_id", "bank", "template", "revision")


def values(key, **changes):
    whole = {
        "id": key, "user_id": "user_1", "integration_id": 1, "email_message_id": f"m{key}", "ordinal": 0, "bank_id": 1,
        "template": "card", "template_version": 2, "kind": "purchase", "direction": "debit", "status": "approved",
        "amount": Decimal("22000.00"), "currency": "CRC", "occurred_at": "2026-01-05T12:00:00-06:00", "dated_by": "body",
        "merchant": "SODA, \"LA\" UNIÓN", "account": "4471", "reference": None, "authorization": None, "revision": 1,
        "created_at": NOW - timedelta(hours=key),
    }  # fmt: skip
    return whole | changes


@pytest.fixture
def booked(place, database):
    async def make(connection):
        await connection.execute(banks.insert().values(id=1, code="cr-bac", name="BAC"))
        row = {"id": 1, "user_id": "user_1", "email_account": "a@b.cr", "is_active": True}
        await connection.execute(integrations.insert().values(row))
        for one in (
            values(1),
            values(2, merchant="=1+1", reference="@x", authorization="-1", kind="fee"),
            values(3, retracted_at=NOW),
            values(4, user_id="user_2", occurred_at="2026-01-05", currency="JPY", amount=Decimal(1500)),
            values(5, merchant="＝1", updated_at=NOW),
        ):
            await connection.execute(transactions.insert().values(one))

    place.in_database(make)


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_exported_line_holds_the_transaction_and_where_it_is_from(afpd, booked):
    first = lines(afpd("transactions", "export", "--format", "jsonl"))[0]
    assert {name: first[name] for name in T} == {
        "kind": "purchase", "direction": "debit", "status": "approved", "amount": "22000.00", "currency": "CRC",
        "occurred_at": "2026-01-05T12:00:00-06:00", "dated_by": "body", "merchant": 'SODA, "LA" UNIÓN',
        "account": "4471", "reference": None, "authorization": None,
    }  # fmt: skip
    assert [first[name] for name in EXPORTED] == [1, "user_1", 1, "m1", "cr-bac", "card", 1]


def test_json_means_json_lines(afpd, booked):
    assert afpd("transactions", "export", "--json").stdout == afpd("transactions", "export", "--format", "jsonl").stdout


def test_retracted_transactions_stay_out(afpd, booked):
    assert [one["id"] for one in lines(afpd("transactions", "export", "--json"))] == [1, 2, 4, 5]
    assert [one["id"] for one in json.loads(afpd("transactions", "list", "--json").stdout)["transactions"]] == [
        1,
        2,
        4,
        5,
    ]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--user", "user_2"], [4]),
        (["--user", "nobody"], []),
        (["--after-id", "2"], [4, 5]),
        (["--since", "150m"], [1, 2, 5]),
        (["--since", (NOW - timedelta(minutes=90)).isoformat()], [1, 5]),
        (["--since", "2000-01-01", "--user", "user_1", "--after-id", "1"], [2, 5]),
    ],
)
def test_an_export_takes_what_was_asked_for(afpd, booked, options, ids):
    assert [one["id"] for one in lines(afpd("transactions", "export", "--json", *options))] == ids


def test_since_that_is_no_moment_is_a_usage_error(afpd, booked):
    assert "Invalid moment" in afpd("transactions", "export", "--since", "yesterday", fails=2).stderr


def test_csv_has_a_header_plain_amounts_and_no_formulas(afpd, booked):
    told = afpd("transactions", "export").stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    assert told.splitlines()[0] == ",".join(COLUMNS)
    assert [(row["id"], row["amount"], row["occurred_at"]) for row in rows] == [
        ("1", "22000.00", "2026-01-05T12:00:00-06:00"), ("2", "22000.00", "2026-01-05T12:00:00-06:00"),
        ("4", "1500", "2026-01-05"), ("5", "22000.00", "2026-01-05T12:00:00-06:00"),
    ]  # fmt: skip
    assert [row["merchant"] for row in rows] == ['SODA, "LA" UNIÓN', "'=1+1", 'SODA, "LA" UNIÓN', "'＝1"]
    assert (rows[1]["reference"], rows[1]["authorization"], rows[0]["reference"]) == ("'@x", "'-1", "")
    assert lines(afpd("transactions", "export", "--json"))[1]["merchant"] == "=1+1"


def test_every_field_of_the_record_is_a_column(afpd, booked):
    assert set(lines(afpd("transactions", "export", "--json"))[0]) == set(COLUMNS)


def test_an_empty_export_still_has_its_header(afpd, database):
    assert afpd("transactions", "export").stdout == ",".join(COLUMNS) + "\n"
    assert afpd("transactions", "export", "--json").stdout == ""


def test_list_shows_the_newest_last(afpd, booked):
    told = json.loads(afpd("transactions", "list", "--limit", "2", "--json").stdout)
    assert [one["id"] for one in told["transactions"]] == [4, 5]
    rows = [line.split("\t") for line in afpd("transactions", "list", "--user", "user_1").stdout.splitlines()]
    assert rows[0][:3] == ["id", "user_id", "occurred_at"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "5"]
