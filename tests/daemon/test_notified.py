"""The daemon tells somebody that an integration needs a person, and that it is well again; its log and the row agree."""

import json
import sys
import urllib.request

from support.daemon import Daemon, afpd, sandbox, until, write_config


def order(url, **fault):
    request = urllib.request.Request(f"{url}/sandbox/faults", json.dumps(fault).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def test_a_lost_grant_is_told_once_and_so_is_its_return(tmp_path):
    out = tmp_path / "told.jsonl"
    out.touch()
    command = [sys.executable, "-c", f"import sys; open({str(out)!r}, 'a').write(sys.stdin.read())"]
    with sandbox(tmp_path, "--users", "1", "--mails", "2", "--visit-every", "1s") as url:
        config = write_config(
            tmp_path,
            url,
            imports={"every": "300ms", "adaptive": False},
            gmail={"confirm_revoked_after": "200ms", "retry_base": "1ms"},
            notices={"command": command},
        )
        users = tmp_path / "gmail" / "users.jsonl"
        assert afpd("integrations", "add", "--from", str(users), config=config).returncode == 0
        order(url, faults=["invalid_grant"], method="token")
        daemon = Daemon(config)
        try:
            first = json.loads(until(lambda: out.read_text().splitlines())[0])
            assert (first["event"], first["integration_id"], first["user_id"]) == (
                "integration_needs_a_person", 1, "user_1",
            )  # fmt: skip
            assert daemon.status()["integrations"]["error"] == 1
            shown = json.loads(afpd("integrations", "show", "1", "--json", config=config).stdout)
            assert shown["last_error_message"] == first["reason"]
            assert shown["advice"] is not None
            until(lambda: json.loads(afpd("integrations", "show", "1", "--json", config=config).stdout)["noticed_at"])
            order(url, clear=True)
            assert afpd("integrations", "add", "--from", str(users), config=config).returncode == 0
            lines = until(lambda: len(found := out.read_text().splitlines()) > 1 and found)
            assert [json.loads(line)["event"] for line in lines][1:] == ["integration_recovered"]
        finally:
            if daemon.is_alive:
                daemon.kill()
        told = [one["event"] for one in daemon.events() if one.get("logger") == "notices"]
        assert told.count("integration.needs_a_person") == 1
        assert told.count("integration.recovered") == 1
