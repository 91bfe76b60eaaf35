"""Feeds the library mails that nobody would write: no exception, no long call, no growing memory. Run by `make fuzz`.

Mails of tests/banks/mails, in other forms and with other values, are damaged: bytes flipped, cut, doubled and swapped with
those of other mails, headers and parts put into each other, hostile texts put in. Some are random from the start. All
follows from the seed. A call that takes longer than the limit is made twice again, and counts by its best.
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from banks.accuracy import EVERY
from banks.mutations.letters import Letter, opened
from banks.mutations.values import with_other_values
from bench.hostile import HTML, PLAIN

from afpd.banks import shipped
from afpd.model import Outcome
from afpd.parse.library import Library, load_library

MAILS = Path(__file__).resolve().parents[1] / "banks" / "mails"
LARGEST = 1 << 20
RECEIVED = datetime(2026, 11, 1, 12, tzinfo=UTC)
LIMIT_SECONDS = 0.050
ONE_IN_LARGE = 400
PIECES = (
    *(
        b"\r\n\r\n",
        b"\r\n",
        b"--",
        b"=?utf-8?q?=c3?=",
        b"=?x?b?=",
        b"Content-Type: multipart/mixed; boundary=a\r\n",
        b"--a\r\n",
    ),
    *(
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"charset=utf-16",
        b"charset=shift_jis",
    ),
    *(
        b"<table>",
        b"<td>",
        b"</tr>",
        b"<pre>",
        b"<style>",
        b"<!--",
        b"-->",
        b"<svg>",
        b"&nbsp;",
        b"&#x10ffff;",
        b"&#0;",
        b"\x00",
    ),
    *(
        b"\xff\xfe",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xe2\x80\x8b",
        b"\xcc\x81" * 40,
        b"*" * 50,
        b"| " * 50,
        b"> " * 50,
        b"Monto: ",
    ),
    *(
        b"9" * 40,
        b"1," * 40,
        b"31/02/2026",
        b"99:99",
        b"CRC",
        b"From: x@y\r\nSubject: z\r\nDate: w\r\nTo: v\r\n",
        b'"',
        b"(",
        b"\\",
    ),
)
Damage = Callable[[bytes, random.Random, list[bytes]], bytes]


def flip(raw: bytes, dice: random.Random, _: list[bytes]) -> bytes:
    changed = bytearray(raw)
    for _unused in range(dice.randint(1, 20)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def cut(raw: bytes, dice: random.Random, _: list[bytes]) -> bytes:
    first, last = sorted((dice.randrange(len(raw)), dice.randrange(len(raw))))
    return raw[:first] + raw[last:] or b"x"


def double(raw: bytes, dice: random.Random, _: list[bytes]) -> bytes:
    first = dice.randrange(len(raw))
    span = raw[first : first + dice.randint(1, 400)]
    return raw[:first] + span * dice.randint(2, 30) + raw[first:]


def put_in(raw: bytes, dice: random.Random, _: list[bytes]) -> bytes:
    for _unused in range(dice.randint(1, 6)):
        at = dice.randrange(len(raw))
        raw = raw[:at] + dice.choice(PIECES) + raw[at:]
    return raw


def spliced(raw: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    other = dice.choice(others)
    return raw[: dice.randrange(len(raw))] + other[dice.randrange(len(other)) :] or b"x"


def enclosed(raw: bytes, dice: random.Random, _: list[bytes]) -> bytes:
    head, _, _ = raw.partition(b"\r\n\r\n")
    kind = dice.choice((b"multipart/mixed; boundary=zz", b"message/rfc822", b"multipart/alternative; boundary=zz"))
    bare = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-"))
    inner = b"Content-Type: message/rfc822\r\n\r\n" + raw
    return (
        bare + b"\r\nContent-Type: " + kind + b"\r\n\r\n--zz\r\n" + inner + b"\r\n--zz\r\n" + inner + b"\r\n--zz--\r\n"
    )


def swapped_lines(raw: bytes, dice: random.Random, _: list[bytes]) -> bytes:
    lines = raw.split(b"\n")
    for _unused in range(dice.randint(1, 8)):
        one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def hostile(raw: bytes, dice: random.Random, _: list[bytes]) -> bytes:
    """Put a part of a hostile text into the body, small as a rule, now and then up to the largest."""
    text = dice.choice((*HTML.values(), *PLAIN.values()))
    size = LARGEST - len(raw) if dice.randrange(ONE_IN_LARGE // 20) == 0 else dice.randint(10, 4_000)
    start = dice.randrange(max(1, len(text) - size))
    at = dice.randrange(raw.find(b"\r\n\r\n") % len(raw), len(raw))
    return raw[:at] + text[start : start + size].encode()[:size] + raw[at:]


DAMAGES: tuple[Damage, ...] = (*(flip, cut, double, put_in, spliced, swapped_lines) * 3, enclosed, hostile)


def mails(seed: int, letters: list[Letter]) -> Iterator[bytes]:
    """Yield mails without end."""
    dice = random.Random(seed)
    base = [letter.path.read_bytes() for letter in letters]
    while True:
        letter = dice.choice(letters)
        for raw in _of_one(letter, dice, base):
            yield raw[:LARGEST]
        if dice.randrange(20) == 0:
            yield dice.randbytes(dice.randint(0, 3_000))
        if dice.randrange(200) == 0:
            yield b"From: a@b.example\r\n\r\n" + dice.randbytes(dice.randint(1, 60_000))


def _of_one(letter: Letter, dice: random.Random, base: list[bytes]) -> Iterator[bytes]:
    other, _ = with_other_values(letter, dice)
    made = EVERY[dice.choice(list(EVERY))](other, dice)
    yield made
    for _unused in range(40):
        raw = made if dice.random() < 0.7 else dice.choice(base)
        for _again in range(dice.randint(1, 3)):
            raw = dice.choice(DAMAGES)(raw, dice, base)
        yield raw


def seconds(library: Library, raw: bytes) -> float:
    """Return the CPU seconds of this thread that reading a mail takes; raise what reading raises."""
    began = time.thread_time()
    reading = library.read(raw, received_at=RECEIVED)
    took = time.thread_time() - began
    assert isinstance(reading.outcome, Outcome)
    assert all(one.amount > 0 for one in reading.transactions)
    return took


def run(library: Library, letters: list[Letter], count: int, seed: int, tell: Callable[[str], None]) -> list[str]:
    """Read so many mails; return in words what went wrong. `tell` is given a line of progress now and then."""
    wrong: list[str] = []
    worst, large, began, start_memory = 0.0, 0, time.monotonic(), 0
    source = mails(seed, letters)
    for number in range(1, count + 1):
        raw = next(source)
        large += len(raw) > LARGEST // 2
        try:
            took = seconds(library, raw)
            if took > LIMIT_SECONDS:
                took = min(took, seconds(library, raw), seconds(library, raw))
        except Exception as error:  # noqa: BLE001 - any exception at all is what is looked for
            wrong.append(f"mail {number} of seed {seed}: {type(error).__name__}: {error}")
            took = 0.0
        worst = max(worst, took)
        if took > LIMIT_SECONDS:
            wrong.append(f"mail {number} of seed {seed}: {took * 1000:.1f} ms for {len(raw)} bytes")
        if number == min(count, 2_000):
            start_memory = _peak()
        if number % 2_000 == 0 or number == count:
            rate = number / (time.monotonic() - began)
            tell(
                f"{number:>8} mails, {large} of them large, {rate:.0f}/s, worst {worst * 1000:.1f} ms, "
                f"peak memory {_peak() >> 10} MiB (+{(_peak() - start_memory) >> 10}), wrong {len(wrong)}"
            )
    return wrong


def _peak() -> int:
    """Return the largest resident size of the process so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Fuzz as asked; return 1 when anything went wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=200_000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    library = load_library(shipped())
    letters = [opened(path) for path in sorted(MAILS.glob("*/*.eml"))]
    wrong = run(library, letters, given.count, given.seed, lambda line: print(line, flush=True))
    for words in wrong[:50]:
        print(words)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
