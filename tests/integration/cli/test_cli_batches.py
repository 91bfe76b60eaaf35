"""`afpd batches`."""

import json
from datetime import UTC, datetime

import pytest

from afpd.model import BatchStatus
from afpd.store.batches import Closing, close_batch, open_batch

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
RESULTS = {
    "user_1": {
        "emails_found": 5, "emails_processed": 4,
        "integrations": {"17": {"emails_found": 5, "emails_processed": 4, "error": "sign in again"}},
    },
    "unchanged": 12,
}  # fmt: skip


@pytest.fixture
def batches(place, database):
    async def make(connection):
        closing = Closing(BatchStatus.COMPLETED, 13, 5, 4, 1, 0.25, RESULTS)
        for _ in range(3):
            await close_batch(connection, await open_batch(connection, node="n1", now=AT), closing, now=AT)
        await open_batch(connection, node="n1", now=AT)

    place.in_database(make)


def test_list_shows_the_newest_first(afpd, batches):
    told = json.loads(afpd("batches", "list", "--json").stdout)["batches"]
    assert [(one["id"], one["status"]) for one in told] == [
        (4, "running"), (3, "completed"), (2, "completed"), (1, "completed"),
    ]  # fmt: skip
    assert told[1]["user_results"] == RESULTS
    assert told[1]["started_at"] == "2026-01-05T12:00:00Z"


def test_list_says_when_there_may_be_more(afpd, batches):
    result = afpd("batches", "list", "--limit", "2")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["id", "4", "3"]
    assert "--limit" in result.stderr
    assert afpd("batches", "list").stderr == ""


def test_show_tells_the_results_by_user(afpd, batches):
    told = json.loads(afpd("batches", "show", "1", "--json").stdout)
    assert (told["id"], told["total_emails_processed"], told["user_results"]) == (1, 4, RESULTS)
    lines = afpd("batches", "show", "1").stdout.splitlines()
    assert "started_at                   2026-01-05 06:00:00-06:00" in lines
    assert "  user_1: 4 of 5 mails kept; integration 17: sign in again" in lines
    assert "  unchanged: 12" in lines


def test_an_unknown_batch_is_exit_code_1(afpd, batches):
    assert afpd("batches", "show", "99", fails=1).stderr.startswith("afpd: no batch 99")
