"""Gmail's search language, the part that afpd and people use, as a pure parser from `q` to a predicate.

Blank is AND; `OR` (or `|`) binds tighter than AND, as in Gmail; `{a b}` is a or b; parentheses; `-` negates.
Operators: from: to: cc: subject: after: before: newer: older: newer_than: older_than: in: label: is: has:attachment
rfc822msgid: larger: smaller:. An operator before a group holds for every term in it: `from:(a OR b)`.
Case and accents do not count. Plain dates are midnight Pacific.
Source: "Refine searches in Gmail" (support.google.com/mail/answer/7190) and the API guide "Searching for messages".
"""

import re
from dataclasses import dataclass
from datetime import datetime

from afpd.sandbox.search_terms import Predicate, every, everything, negated, some, term

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<name>[A-Za-z]\w*):(?=\S)
    | (?P<mark>[(){}|])
    | (?P<minus>-)(?=\S)
    | \+?"(?P<phrase>[^"]*)"?
    | (?P<word>[^\s(){}"|]+)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed q: `matches` decides on a message, `spam_and_trash` says that q itself asks for those places."""

    matches: Predicate
    spam_and_trash: bool


def parse(q: str, now: datetime) -> Query:
    """Return the query that `q` means at the moment `now` (aware UTC). Text that is no query matches as words."""
    parser = _Parser(q, now)
    return Query(parser.all_of(closing="", operator=None), parser.spam_and_trash)


class _Parser:
    def __init__(self, q: str, now: datetime) -> None:
        self._tokens = [match for match in _TOKEN.finditer(q) if match.group().strip()]
        self._at = 0
        self._now = now
        self.spam_and_trash = False

    def all_of(self, closing: str, operator: str | None) -> Predicate:
        return every(self._chains(closing, operator))

    def any_of(self, closing: str, operator: str | None) -> Predicate:
        return some(self._chains(closing, operator))

    def _chains(self, closing: str, operator: str | None) -> list[Predicate]:
        chains: list[list[Predicate]] = []
        joined = False
        while (token := self._next()) is not None and token["mark"] != closing:
            if token["mark"] == "|" or token["word"] == "OR":
                joined = True
            elif token["word"] != "AND" and token["mark"] not in (")", "}"):
                predicate = self._one(token, operator)
                if joined and chains:
                    chains[-1].append(predicate)
                else:
                    chains.append([predicate])
                joined = False
        return [some(chain) for chain in chains]

    def _next(self) -> re.Match[str] | None:
        if self._at >= len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def _one(self, token: re.Match[str], operator: str | None) -> Predicate:
        if token["minus"]:
            following = self._next()
            return negated(self._one(following, operator)) if following else everything
        if token["mark"] == "(":
            return self.all_of(")", operator)
        if token["mark"] == "{":
            return self.any_of("}", operator)
        if token["name"]:
            following = self._next()
            return self._one(following, token["name"].lower()) if following else everything
        return self._leaf(operator, token["word"] if token["phrase"] is None else token["phrase"])

    def _leaf(self, operator: str | None, value: str) -> Predicate:
        if operator in ("in", "label") and value.casefold() in ("spam", "trash", "anywhere"):
            self.spam_and_trash = True
        return term(operator, value, self._now)
