"""What reading a mail costs: CPU microseconds, printed. Run by `make bench-reading`.

Every mail of tests/banks/mails, one of 30 KB, and mails of a mebibyte that were made to be slow (hostile.py). The mails
take turns, so that a machine that grows slower slows all of them; beside each median stands the best of the rounds,
which other work on the machine disturbs least. The yardstick is the HTML parser alone, on the same HTML, in the same
turns: a figure that moves together with it is the machine's.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.hostile import hostile_mails, without_content_fields
from selectolax.lexbor import LexborHTMLParser

from afpd.banks import shipped
from afpd.parse.library import Library, load_library
from afpd.parse.message import Message, read_message

MAILS = Path(__file__).resolve().parents[1] / "banks" / "mails"
SAMPLE = "cr-bac/card-purchase-visa"
ROUNDS, HOSTILE_ROUNDS = 40, 3
LARGE = 30_000
ROW = (
    '<tr style="background:#f4f4f4"><td style="padding:4px 8px;font-family:Arial,sans-serif;font-size:12px">Beneficio'
    ' {0} en locales</td><td style="padding:4px 8px;text-align:right;color:#333333">hasta {0} puntos</td></tr>'
)

Case = tuple[str, Callable[[], object], int]


def main(rounds: int) -> None:
    """Measure, and print a line per bank, for the large mail and for each hostile one."""
    library = load_library(shipped())
    raws = {f"{path.parent.name}/{path.stem}": path.read_bytes() for path in sorted(MAILS.glob("*/*.eml"))}
    sample = raws[SAMPLE]
    large = padded(sample)
    cases = [reading(library, name, raw) for name, raw in raws.items()]
    cases += [parsing(f"parser {name}", raw) for name, raw in raws.items() if html_of(read_message(raw))]
    cases += [reading(library, "large", large), parsing("parser large", large)]
    took = measured(cases, rounds)
    sizes = {name: size for name, _, size in cases}
    print(f"{'CPU µs a mail':<26}{'mails':>6}{'bytes':>8}{'median':>9}{'best':>8}{'mails/s':>9}")
    for bank in sorted({name.partition("/")[0] for name in raws}):
        print(row(bank, [name for name in raws if name.startswith(f"{bank}/")], sizes, took))
    print(row("together", list(raws), sizes, took))
    print(row("  HTML parser alone", [name for name in took if name.startswith("parser cr-")], sizes, took))
    print(row("a mail of 30 KB", ["large"], sizes, took))
    print(row("  HTML parser alone", ["parser large"], sizes, took))
    report_hostile([reading(library, name, raw) for name, raw in hostile_mails(sample)])


def report_hostile(cases: list[Case]) -> None:
    """Print what each hostile mail takes at best, the slowest first."""
    took = measured(cases, HOSTILE_ROUNDS)
    print(f"\nhostile mails of up to 1 MiB, CPU ms ({len(cases)})")
    for name in sorted(took, key=lambda name: -min(took[name])):
        print(f"{name:<52}{min(took[name]) / 1000:>9.1f}")


def reading(library: Library, name: str, raw: bytes) -> Case:
    """Return the case of reading one mail as it was received."""
    received = read_message(raw).date
    assert received is not None
    return name, lambda: library.read(raw, received_at=received), len(raw)


def parsing(name: str, raw: bytes) -> Case:
    """Return the case of parsing the HTML of a mail, and nothing else."""
    source = html_of(read_message(raw))
    return name, lambda: LexborHTMLParser(source), len(source)


def html_of(message: Message) -> str:
    """Return the first HTML of a mail, empty if it has none."""
    return next((part.text(message.raw) for part in message.parts if part.is_html), "")


def measured(cases: list[Case], rounds: int) -> dict[str, list[float]]:
    """Return the CPU microseconds of each case in every round; one round goes before and does not count."""
    took: dict[str, list[float]] = {name: [] for name, _, _ in cases}
    for number in range(rounds + 1):
        for name, call, _ in cases:
            began = time.process_time_ns()
            call()
            if number:
                took[name].append((time.process_time_ns() - began) / 1000)
    return took


def padded(raw: bytes) -> bytes:
    """Return the sample with styled rows behind its own, 30 KB of HTML together."""
    message = read_message(raw)
    source = html_of(message)
    before, end, behind = source.rpartition("</body>") if "</body>" in source else (source, "", "")
    rows: list[str] = []
    while len(source) + sum(map(len, rows)) < LARGE:
        rows.append(ROW.format(len(rows)))
    html = f"{before}<table>{''.join(rows)}</table>{end}{behind}"
    fields = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return without_content_fields(raw) + fields + html.encode()


def row(title: str, names: list[str], sizes: dict[str, int], took: dict[str, list[float]]) -> str:
    """Return a line of the table: means over some mails."""
    median = statistics.mean(statistics.median(took[name]) for name in names)
    best = statistics.mean(min(took[name]) for name in names)
    size = statistics.mean(sizes[name] for name in names)
    return f"{title:<26}{len(names):>6}{size:>8.0f}{median:>9.0f}{best:>8.0f}{1e6 / best:>9.0f}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
