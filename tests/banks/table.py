"""Prints how well a folder of mails with records is read: python tests/banks/table.py [FOLDER]."""

import sys
from collections import Counter
from pathlib import Path

from comparison import Comparison, compared

from afpd.banks import shipped
from afpd.parse.library import load_library


def main(folder: Path) -> int:
    """Print the table and every difference; return 1 when a mail of a known bank is not read exactly."""
    library = load_library(shipped())
    known = {bank.code for bank in library.banks}
    found = [compared(library, path) for path in sorted(folder.glob("*/*.eml"))]
    rows = {code: [one for one in found if one.path.parent.name == code] for code in sorted({*map(_folder, found)})}
    print(f"{'bank':<18}{'mails':>6}{'exact':>7}{'wrong':>7}{'missed':>8}")
    for code, mails in rows.items():
        print(_row(code if code in known else f"({code})", mails))
    print(_row("together", [one for one in found if _folder(one) in known]))
    for one in found:
        if one.differences and _folder(one) in known:
            print(f"{one.path.parent.name}/{one.path.name}: {'; '.join(one.differences)}")
    booked = [one for one in found if _folder(one) not in known and one.reading.transactions]
    print(f"transactions out of mails of other banks: {len(booked)}")
    return int(bool(booked) or any(one.differences for one in found if _folder(one) in known))


def _folder(one: Comparison) -> str:
    return one.path.parent.name


def _row(name: str, mails: list[Comparison]) -> str:
    counts = Counter(one.verdict for one in mails)
    return f"{name:<18}{len(mails):>6}{counts['exact']:>7}{counts['wrong']:>7}{counts['missed']:>8}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "mails"))
