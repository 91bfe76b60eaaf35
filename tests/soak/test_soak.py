"""The long rehearsal: many mailboxes, many faults, and a daemon that is killed again and again. Run by `make soak`."""

import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from support.daemon import Daemon, afpd, get, sandbox, until, write_config

pytestmark = pytest.mark.soak

USERS, MAILS, FAULTS, KILLS = 1000, 20, 20, 10
QUICK = {
    "imports": {"every": "500ms", "backoff_base": "1s", "backoff_max": "8s", "search_again_after": "5s"},
    "parsing": {"every": "2s"},
    "gmail": {
        "visit_deadline": "20s",
        "rate_pause": "200ms",
        "retry_base": "20ms",
        "confirm_revoked_after": "5s",
    },
}


def test_nothing_is_lost_or_doubled_under_faults_and_kills(tmp_path: Path):
    chance = random.Random(20261122)
    words = ("--users", str(USERS), "--mails", str(MAILS), "--faults", str(FAULTS), "--visit-every", "20s")
    with sandbox(tmp_path, *words) as url:
        config = write_config(tmp_path, url, **QUICK)
        added = afpd("integrations", "add", "--from", str(tmp_path / "gmail" / "users.jsonl"), config=config)
        assert added.returncode == 0, added.stderr
        mails = get(f"{url}/sandbox/mails")[1]["mails"]
        wanted = {(m["email"], m["id"]): m for m in mails if m.get("bank")}
        started = time.monotonic()
        for _ in range(KILLS):
            daemon = Daemon(config)
            assert daemon.port
            time.sleep(chance.uniform(0.3, 6))
            daemon.kill()
        daemon = Daemon(config)
        until(lambda: _kept(tmp_path) >= len(wanted) and daemon.status()["emails"]["pending_parsing"] == 0, 900, 1)
        seconds = time.monotonic() - started
        time.sleep(10)
        assert daemon.stop() == 0
        stats = get(f"{url}/sandbox/stats")[1]

    jobs, booked, batches = _rows(tmp_path)
    truth = {key: len(m.get("transactions") or ()) for key, m in wanted.items()}
    expected = Counter({key: count for key, count in truth.items() if count})
    counts = Counter(jobs)
    print(
        f"\n{USERS} integrations x {MAILS} bank mails, {FAULTS} % of requests touched, {KILLS} SIGKILLs: "
        f"{seconds:.0f} s\n  requests {sum(stats['requests'].values())}, faults {sum(stats['faults'].values())}, "
        f"units {stats['units']}, batches {dict(batches)}\n"
        f"  mails: wanted {len(wanted)}, kept {len(counts)}, doubled {sum(n > 1 for n in counts.values())}, "
        f"lost {len(set(wanted) - set(counts))}, foreign {len(set(counts) - set(wanted))}\n"
        f"  transactions: wanted {sum(expected.values())}, booked {sum(booked.values())}, "
        f"wrong {sum(booked[key] != expected[key] for key in set(booked) | set(expected))}"
    )
    assert counts == Counter(dict.fromkeys(wanted, 1))
    assert booked == expected
    assert batches["running"] == 0


def _kept(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "afpd.db")) as database:
        return int(database.execute("SELECT count(*) FROM email_parsing_jobs").fetchone()[0])


def _rows(folder: Path) -> tuple[list[tuple[str, str]], Counter[tuple[str, str]], Counter[str]]:
    with closing(sqlite3.connect(folder / "afpd.db")) as database:
        join = "JOIN integrations ON integrations.id = integration_id"
        jobs = database.execute(f"SELECT email_account, email_message_id FROM email_parsing_jobs {join}").fetchall()
        booked = database.execute(f"SELECT email_account, email_message_id FROM transactions {join}").fetchall()
        batches = database.execute("SELECT status FROM email_import_jobs").fetchall()
    return jobs, Counter(booked), Counter(status for (status,) in batches)
