"""systemd/afpd.service: what it promises, and what systemd itself says of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from afpd.errors import AlreadyRunning, ConfigError, SecretError

UNIT = Path(__file__).parents[2] / "systemd" / "afpd.service"
HIGHEST_EXPOSURE = 1.5

# Without systemd-analyze at hand these stand in for its score: each one is worth at least 0.1 there.
HARDENING = {
    "CapabilityBoundingSet": "",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateMounts": "yes",
    "PrivateTmp": "yes",
    "PrivateUsers": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RemoveIPC": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
    "User": "afpd",
}


def settings(text: str) -> dict[str, list[str]]:
    """Return the values of each setting, in the order of the file."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def unit() -> dict[str, list[str]]:
    return settings(UNIT.read_text())


def analyze(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run systemd-analyze; None on a machine that has none."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return None
    return subprocess.run(
        [tool, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path, unit: dict[str, list[str]]) -> None:
    copy = tmp_path / "afpd.service"
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    verdict = analyze("verify", "--man=no", str(copy))
    if verdict is None:
        assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in unit)
    else:
        assert (verdict.returncode, verdict.stdout + verdict.stderr) == (0, "")


def test_the_exposure_that_systemd_computes_is_low(unit: dict[str, list[str]]) -> None:
    verdict = analyze("security", "--offline=true", "--no-pager", str(UNIT))
    if verdict is not None:
        score = re.search(r"Overall exposure level for afpd\.service: ([\d.]+)", verdict.stdout)
        assert score, verdict.stderr
        assert float(score[1]) <= HIGHEST_EXPOSURE
    assert {name: unit[name] for name in HARDENING} == {name: [value] for name, value in HARDENING.items()}


def test_process_metrics_stay_visible(unit: dict[str, list[str]]) -> None:
    assert "ProcSubset" not in unit


def test_only_system_calls_of_a_usual_service_are_allowed(unit: dict[str, list[str]]) -> None:
    assert unit["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]


def test_systemd_hears_from_the_daemon_and_watches_it(unit: dict[str, list[str]]) -> None:
    assert unit["Type"] == ["notify"]
    assert unit["NotifyAccess"] == ["main"]
    assert unit["WatchdogSec"] == ["120s"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert unit["ExecStart"] == ["/opt/afpd/bin/afpd run --config /etc/afpd/afpd.toml"]


def test_it_is_always_started_again_unless_starting_again_mends_nothing(unit: dict[str, list[str]]) -> None:
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    final = {int(code) for code in unit["RestartPreventExitStatus"][0].split()}
    assert final == {SecretError.exit_code, ConfigError.exit_code}
    assert AlreadyRunning.exit_code not in final, "the other one may be on its way out"


def test_a_missing_client_fails_the_start_and_a_missing_key_does_not(unit: dict[str, list[str]]) -> None:
    client, key = unit["LoadCredential"]
    assert client == "client_secret.json:/etc/afpd/client_secret.json", "an absolute path has to exist"
    assert key == "afpd.key", "a bare name is passed over where it is in no credential store"


def test_its_state_is_its_own(unit: dict[str, list[str]]) -> None:
    assert unit["StateDirectory"] == ["afpd"]
    assert unit["StateDirectoryMode"] == ["0700"]


def test_a_stop_has_time_and_a_core_file_is_never_written(unit: dict[str, list[str]]) -> None:
    assert unit["TimeoutStopSec"] == ["90s"]
    assert unit["LimitCORE"] == ["0"]
