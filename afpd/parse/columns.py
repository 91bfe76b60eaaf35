"""A table with a header row: columns are found by their names, wherever they stand and whatever stands between."""

from collections.abc import Mapping
from dataclasses import dataclass

from afpd.errors import Mismatch
from afpd.parse.search import Pattern
from afpd.parse.text import Text

_MOST_COLUMNS = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """The header words of each field, header words of no interest, and what the first cell of a row looks like.

    With `stacked` false one cell a line is not read: where cells may be empty, their lines are lost.
    """

    fields: Mapping[str, tuple[str, ...]]
    others: frozenset[str]
    row: Pattern
    stacked: bool = True

    def rows(self, text: Text) -> list[dict[str, str | None]]:
        """Return the rows of the first such table, from cells or from one cell a line; none when there is none.

        Raises `Mismatch` for a row that is not whole.
        """
        names = dict.fromkeys(self.others, "") | {word: field for field, words in self.fields.items() for word in words}
        folded = text.folded_body.text.split("\n")
        for at, line in enumerate(folded):
            if "\t" in line:
                header = [names.get(_word(cell)) for cell in line.split("\t")]
                if set(self.fields) <= set(header):
                    return self._in_cells(header, text.body.split("\n")[at + 1 :], folded[at + 1 :])
            elif _word(line) in names and (header := self._header_in_lines(names, folded[at : at + _MOST_COLUMNS])):
                first = at + len(header)
                return self._in_lines(header, text.body.split("\n")[first:], folded[first:])
        return []

    def _header_in_lines(self, names: Mapping[str, str], folded: list[str]) -> list[str | None]:
        header: list[str | None] = []
        for name in (names.get(_word(line)) for line in folded if self.stacked):
            if name is None:
                break
            header.append(name)
        return header if set(self.fields) <= set(header) else []

    def _in_cells(self, header: list[str | None], lines: list[str], folded: list[str]) -> list[dict[str, str | None]]:
        found = []
        for line, twin in zip(lines, folded, strict=True):
            if not self._begins_row(twin.partition("\t")[0]):
                break
            cells = line.split("\t")
            if len(cells) != len(header):
                raise Mismatch("a row of the table has another number of cells than its header")
            found.append(_row(header, cells))
        return found

    def _in_lines(self, header: list[str | None], lines: list[str], folded: list[str]) -> list[dict[str, str | None]]:
        found = []
        width = len(header)
        for at in range(0, len(lines), width):
            if not self._begins_row(folded[at]):
                break
            if len(lines) - at < width:
                raise Mismatch("the last row of the table is not whole")
            found.append(_row(header, lines[at : at + width]))
        return found

    def _begins_row(self, cell: str) -> bool:
        return self.row.is_in(" ".join(cell.split()).encode("utf-8", "replace"))


def _word(cell: str) -> str:
    return " ".join(cell.split()).strip(" :")


def _row(header: list[str | None], cells: list[str]) -> dict[str, str | None]:
    return {name: cell.strip() or None for name, cell in zip(header, cells, strict=True) if name}
