"""What one template finds in one text: the raw values of every transaction, still as written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from afpd.errors import BadValue, Mismatch
from afpd.parse.columns import Columns
from afpd.parse.fold import collapse, fold
from afpd.parse.labels import Hit, Labels
from afpd.parse.search import Encoded, Found, Pattern
from afpd.parse.text import Text

Raw = dict[str, str | None]
_MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one value stands (see docs/adding-a-bank.md, fields)."""

    labels: tuple[str, ...]
    pattern: Pattern | None
    after: Pattern | None
    take: Pattern | None
    below: Pattern | None
    pattern_first: bool = False


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything by which a template finds values."""

    labels: Labels
    fields: Mapping[str, FieldRule]
    sentence: tuple[Pattern, ...]
    each: Pattern | None
    count: Pattern | None
    columns: Columns | None
    underscores: tuple[str, ...]
    nothing: Pattern | None

    def raws(self, text: Text, hits: Sequence[Hit]) -> list[Raw]:
        """Return the values of each transaction by field name, of a text and its labels.

        Raises `Mismatch` when a part is not there.
        """
        common = self._sentence(text)
        hits = self._told(hits)
        for name, rule in self.fields.items():
            common[name] = _found(rule, hits, text) or common.get(name)
        rows = self._rows(text)
        found = [common] if rows is None else [common | row for row in rows]
        if self.count is not None and sum(1 for _ in self.count.each(text.folded_flow)) != len(found):
            raise Mismatch("the mail tells of another number of transactions than could be read")
        return [self._spelled(raw) for raw in found]

    def ambiguous(self, name: str, text: Text, hits: Sequence[Hit]) -> list[str]:
        """Return every value that stands behind a label of this field, in order, and the one of the sentence."""
        rule = self.fields.get(name)
        if rule is None or not rule.labels:
            return []
        begin = _begin(rule, text)
        found = [hit.value for hit in hits if hit.start >= begin and hit.label == rule.labels[0]]
        return [value for value in (*found, self._sentence(text).get(name)) if value]

    def _sentence(self, text: Text) -> Raw:
        for pattern in self.sentence:
            hit = pattern.search(text.folded_flow)
            if hit is not None:
                return _groups(hit, text.flow)
        if self.sentence:
            raise Mismatch("the sentence of this layout is not there")
        return {}

    def _rows(self, text: Text) -> list[Raw] | None:
        if self.columns is not None:
            rows = self.columns.rows(text)
            if rows:
                return rows
        if self.each is not None:
            found = [_groups(hit, text.flow) for hit in islice(self.each.each(text.folded_flow), _MOST_ROWS)]
            if len(found) == _MOST_ROWS:
                raise BadValue(f"text: it tells of {_MOST_ROWS} transactions and more")
            if found:
                return found
        if self.columns is not None or self.each is not None:
            raise Mismatch("no row of this layout is there")
        return None

    def _told(self, hits: Sequence[Hit]) -> Sequence[Hit]:
        """Return the labels, those without a value whose words say that there is none."""
        if self.nothing is None:
            return hits
        none = [hit.value and self.nothing.is_all_of(fold(hit.value).encode("utf-8", "replace")) for hit in hits]
        return [hit._replace(value=None) if empty else hit for hit, empty in zip(hits, none, strict=True)]

    def _spelled(self, raw: Raw) -> Raw:
        for name in self.underscores:
            if value := raw.get(name):
                raw[name] = collapse(value.replace("_", " "))
        return raw


def _groups(hit: Found, flow: str) -> Raw:
    return {name: flow[start:end].strip() or None if start >= 0 else None for name, (start, end) in hit.spans().items()}


def _begin(rule: FieldRule, text: Text) -> int:
    if rule.after is None:
        return 0
    hit = rule.after.search(text.folded_body)
    return hit.span()[1] if hit is not None else len(text.body)


def _found(rule: FieldRule, hits: Sequence[Hit], text: Text) -> str | None:
    if rule.pattern_first:
        return _by_pattern(rule, text) or _by_label(rule, hits, text)
    return _by_label(rule, hits, text) or _by_pattern(rule, text)


def _by_label(rule: FieldRule, hits: Sequence[Hit], text: Text) -> str | None:
    begin = _begin(rule, text)
    for label in rule.labels:
        for hit in hits:
            if hit.label == label and hit.start >= begin and hit.value:
                value = _taken(rule, hit.value)
                if value:
                    return value
    if rule.below is not None and (found := rule.below.search(text.folded_body)):
        line = text.body[found.span()[1] :].partition("\n")[2].partition("\n")[0]
        return _taken(rule, line.replace("\t", " ").strip())
    return None


def _by_pattern(rule: FieldRule, text: Text) -> str | None:
    if rule.pattern is None:
        return None
    found = rule.pattern.search(text.folded_flow)
    return _groups(found, text.flow)["value"] if found is not None else None


def _taken(rule: FieldRule, value: str) -> str | None:
    if rule.take is None:
        return value
    found = rule.take.search(Encoded(fold(value)))
    return _groups(found, value)["value"] if found is not None else None
