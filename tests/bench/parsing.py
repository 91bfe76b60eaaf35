"""How fast mails become transactions, beside the usual way. Run by `make bench-parse`.

The same mails as Gmail hands them out (JSON around the raw bytes in URL-safe base64) go two ways, by turns in one run:
afpd's (orjson, its own MIME, lexbor, RE2, all shipped banks), and the usual one (json, base64,
email, BeautifulSoup with html.parser, and 300 patterns of `re` tried one after another). Printed are medians of CPU time
per mail, mails per second and core, and the ratio: target 5 of the project, 20 times and 4,000 a second on mails of 30 KB:
the mix that banks write, and mails of nothing but rows.
Then the worst time of any template on any text: every template of every bank on hostile texts of up to a mebibyte
(target 7: 10 ms).
"""

import argparse
import base64
import email
import gc
import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from pathlib import Path

import orjson
from bench.hostile import HTML, PLAIN
from bench.mix import mixed
from bench.reading import MAILS, padded
from bs4 import BeautifulSoup

from afpd.banks import shipped
from afpd.parse.library import Library, load_library
from afpd.parse.markup import of_html
from afpd.parse.message import read_message
from afpd.parse.owners import Owners
from afpd.parse.text import Text, of_plain
from afpd.parse.transactions import Surroundings

PATTERNS = 300
ROUNDS = 5
TURN = 20
RECEIVED = datetime(2026, 11, 1, 12, tzinfo=UTC)


def usual_patterns() -> list["re.Pattern[str]"]:
    """Return 300 patterns as tutorials write them, one per layout; those of the mails' own words stand last."""
    words = ["Comercio", "Fecha", "Monto", "Amount", "Merchant", "Transacción", "Valor", "Importe", "Referencia"]
    made = [
        rf"Banco {number}.*?{words[number % 9]}\s*:?\s*(.+?)\s+{words[(number + 1) % 9]}\s*:?\s*([\d.,]+)"
        for number in range(PATTERNS - 1)
    ]
    return [re.compile(pattern) for pattern in (*made, r"Comercio:?\s*(.+?)\s.*?Monto:?\s*([A-Z]{3})\s*([\d.,]+)")]


def usual(answer: bytes, patterns: list["re.Pattern[str]"]) -> object:
    """Read a mail the usual way."""
    raw = base64.urlsafe_b64decode(json.loads(answer)["raw"])
    message = email.message_from_bytes(raw, policy=policy.default)
    body = message.get_body(("html", "plain"))
    text = BeautifulSoup(body.get_content(), "html.parser").get_text(" ") if body else ""
    text = " ".join(text.split())
    return next((hit.groups() for hit in (pattern.search(text) for pattern in patterns) if hit), None)


def ours(answer: bytes, library: Library) -> object:
    """Read a mail as afpd does, from Gmail's answer on."""
    told = orjson.loads(answer)
    raw = base64.urlsafe_b64decode(told["raw"])
    return library.read(raw, received_at=datetime.fromtimestamp(int(told["internalDate"]) / 1000, UTC))


def answer_of(raw: bytes) -> bytes:
    """Return Gmail's answer to messages.get with format=raw."""
    received = (read_message(raw).date or RECEIVED).timestamp() * 1000
    told = {"id": "18c", "raw": base64.urlsafe_b64encode(raw).decode(), "internalDate": f"{received:.0f}"}
    return json.dumps(told).encode()


def measured(ways: dict[str, Callable[[bytes], object]], answers: list[bytes], rounds: int) -> dict[str, list[float]]:
    """Return CPU microseconds per mail of each way in every round; the ways take turns a few mails at a time.

    Mail by mail the one would find the processor's caches full of the other's trees, and collect its garbage.
    """
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        spent = dict.fromkeys(ways, 0)
        for first in range(0, len(answers), TURN):
            for name, way in ways.items():
                gc.collect()
                began = time.thread_time_ns()
                for answer in answers[first : first + TURN]:
                    way(answer)
                spent[name] += time.thread_time_ns() - began
        if number:
            for name in ways:
                took[name].append(spent[name] / len(answers) / 1000)
    return took


def report(title: str, answers: list[bytes], library: Library, rounds: int) -> None:
    """Print both ways' medians for some mails, and the ratio."""
    patterns = usual_patterns()
    ways = {"afpd": lambda answer: ours(answer, library), "usual": lambda answer: usual(answer, patterns)}
    took = {name: statistics.median(times) for name, times in measured(ways, answers, rounds).items()}
    size = statistics.mean(map(len, answers))
    print(f"{title}: {len(answers)} mails, {size / 1000:.0f} KB of JSON each")
    for name, micros in took.items():
        print(f"  {name:<8}{micros:>9.0f} µs a mail {1e6 / micros:>9.0f} mails/s and core")
    print(f"  ratio {took['usual'] / took['afpd']:.1f}")


def worst_template(library: Library) -> None:
    """Print the slowest template on the texts of hostile mails."""
    texts: dict[str, Text] = {name: of_html(source) for name, source in HTML.items()}
    texts |= {name: of_plain(source) for name, source in PLAIN.items()}
    texts["words of templates"] = of_plain(
        "comercio fecha monto por un monto de transaccion realizada en el dia " * 15_000
    )
    around = Surroundings(RECEIVED, "Notificación de transacción", Owners(lambda: ()))
    slowest = (0.0, "", "")
    for name, text in texts.items():
        _ = text.folded_flow, text.folded_body
        for bank in library.banks:
            for template in bank.templates:
                best = min(_timed(lambda: bank.chooser.alone(template, text, around)) for _ in range(2))  # noqa: B023
                slowest = max(slowest, (best, f"{bank.code} {template.name}", name))
    print(f"worst time of a template on a text: {slowest[0] * 1000:.1f} ms ({slowest[1]} on {slowest[2]!r})")


def _timed(call: Callable[[], object]) -> float:
    began = time.thread_time()
    call()
    return time.thread_time() - began


def main() -> int:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    given = asked.parse_args()
    library = load_library(shipped())
    raws = [path.read_bytes() for path in sorted(Path(MAILS).glob("*/*.eml"))]
    with_html = [raw for raw in raws if any(part.is_html for part in read_message(raw).parts)]
    some = with_html[::4]
    report("mails of 30 KB, the mix", [answer_of(mixed(raw)) for raw in some], library, given.rounds)
    report("mails of 30 KB, all of it rows", [answer_of(padded(raw)) for raw in some], library, given.rounds)
    report("mails as they are", [answer_of(raw) for raw in raws[::2]], library, given.rounds)
    worst_template(library)
    return 0


if __name__ == "__main__":
    sys.exit(main())
