"""The datagrams that systemd gets, read from real sockets."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from afpd import systemd


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def received(inbox: socket.socket) -> list[str]:
    return inbox.recv(4096).decode().split("\n")


def test_ready_is_told_with_a_status_in_one_datagram(inbox: socket.socket) -> None:
    assert systemd.ready("following 3 mailboxes")
    assert received(inbox) == ["READY=1", "STATUS=following 3 mailboxes"]


def test_ready_needs_no_status(inbox: socket.socket) -> None:
    systemd.ready()
    assert received(inbox) == ["READY=1"]


def test_a_status_is_one_short_line_whatever_is_in_it(inbox: socket.socket) -> None:
    systemd.status("disk full\nMAINPID=1\n" + "x" * 5000)
    lines = received(inbox)
    assert len(lines) == 1
    assert lines[0].startswith("STATUS=disk full MAINPID=1 xxx")
    assert len(lines[0]) < 300


def test_an_empty_status_sends_nothing(inbox: socket.socket) -> None:
    assert not systemd.status("  ")


def test_a_reload_carries_the_monotonic_time_in_microseconds(inbox: socket.socket) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    systemd.reloading()
    first, second = received(inbox)
    assert first == "RELOADING=1"
    name, _, moment = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_stopping_and_watchdog_are_told(inbox: socket.socket) -> None:
    systemd.stopping("finishing 2 visits")
    systemd.watchdog()
    assert received(inbox) == ["STOPPING=1", "STATUS=finishing 2 visits"]
    assert received(inbox) == ["WATCHDOG=1"]


def test_an_abstract_socket_is_reached_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"afpd-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        assert systemd.ready()
        assert received(listening) == ["READY=1"]


@pytest.mark.parametrize(
    "address", [None, "", "vsock:2:1234", "relative/path", "/does/not/exist", "/dev/null", "/" + "x" * 300]
)
def test_without_a_usable_socket_nothing_happens(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not systemd.ready()
    assert not systemd.status("x")
    assert not systemd.reloading()
    assert not systemd.watchdog()
    assert not systemd.stopping()


def test_a_socket_that_nobody_empties_holds_nothing_up_for_long(inbox: socket.socket) -> None:
    inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sent = 0
    while systemd.status("x" * 190) and sent < 2000:
        sent += 1
    began = time.monotonic()
    assert not systemd.watchdog()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        ("90000000", None, 90.0),
        ("90000000", "own", 90.0),
        ("90000000", "1", None),
        ("90000000", "nonsense", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog_interval_is_ours_only_when_it_names_us(
    microseconds: str | None, process: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", process)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, str(os.getpid()) if value == "own" else value)
    assert systemd.watchdog_interval() == seconds


def test_the_watchdog_is_fed_every_third_of_its_interval(inbox: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "90000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    watchdog = systemd.Watchdog()
    fed = [second for second in range(100) if watchdog.feed(1000.0 + second)]
    assert fed == [0, 30, 60, 90]
    assert received(inbox) == ["WATCHDOG=1"]


def test_nobody_is_fed_when_systemd_does_not_watch(inbox: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    assert not systemd.Watchdog().feed(1.0)
