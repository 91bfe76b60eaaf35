"""A table with a header row: columns are found by their names, wherever they stand and whatever stands between."""

from collections.abc import Mapping
from dataclasses import dataclass

import re2

from afpd.errors import Mismatch
from afpd.parse.fold import fold_word
from afpd.parse.text import Text


@dataclass(frozen=True, slots=True)
class Columns:
    """The header words of each field, header words of no interest, and what the first cell of a row looks like."""

    fields: Mapping[str, tuple[str, ...]]
    others: frozenset[str]
    row: "re2._Regexp[str]"

    def rows(self, text: Text) -> list[dict[str, str | None]]:
        """Return the rows of the first such table, from cells or from one cell a line; none when there is none.

        Raises `Mismatch` for a row that is not whole.
        """
        lines = text.body.split("\n")
        for at, line in enumerate(lines):
            header = self._header(line.split("\t"))
            if header:
                return self._in_cells(header, lines[at + 1 :])
            if self._name(line) and (header := self._stacked(lines[at:])):
                return self._in_lines(header, lines[at + len(header) :])
        return []

    def _name(self, cell: str) -> str | None:
        words = fold_word(cell).strip(" :")
        field = next((field for field, names in self.fields.items() if words in names), None)
        return field or ("" if words in self.others else None)

    def _header(self, cells: list[str]) -> list[str | None]:
        names = [self._name(cell) for cell in cells]
        return names if set(self.fields) <= set(names) and len(cells) > 1 else []

    def _stacked(self, lines: list[str]) -> list[str | None]:
        names: list[str | None] = []
        for line in lines[:40]:
            name = self._name(line)
            if name is None:
                break
            names.append(name)
        return names if set(self.fields) <= set(names) else []

    def _in_cells(self, header: list[str | None], lines: list[str]) -> list[dict[str, str | None]]:
        found = []
        for line in lines:
            cells = line.split("\t")
            if not self.row.search(fold_word(cells[0])):
                break
            if len(cells) != len(header):
                raise Mismatch("a row of the table has another number of cells than its header")
            found.append(_row(header, cells))
        return found

    def _in_lines(self, header: list[str | None], lines: list[str]) -> list[dict[str, str | None]]:
        found = []
        width = len(header)
        while lines and self.row.search(fold_word(lines[0])):
            if len(lines) < width:
                raise Mismatch("the last row of the table is not whole")
            found.append(_row(header, lines[:width]))
            lines = lines[width:]
        return found


def _row(header: list[str | None], cells: list[str]) -> dict[str, str | None]:
    return {name: cell.strip() or None for name, cell in zip(header, cells, strict=True) if name}
