"""Which template reads a text: conditions by one RE2 Set per bank and place, then the bank file's order.

The rule: templates are tried in the order of the file. A template is fit when all its `must` and `subject` patterns
stand in the mail and none of its `must_not`. The first fit one whose layout is really there decides, also when a value
in it is wrong: then the mail is failed, and no later template is asked. When a fit one misses its layout the next is
asked; when all miss it the mail is failed too. So of several that would read a mail the first in the file does, always.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import re2

from afpd.errors import BadValue, Mismatch
from afpd.model import Outcome, Transaction
from afpd.parse.fold import fold_word
from afpd.parse.search import quiet
from afpd.parse.template import Condition, Template
from afpd.parse.text import Text
from afpd.parse.transactions import Surroundings

_SET_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one template made of a text, in words; `decisive` when no other was asked after it."""

    template: Template
    why: str
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """How a text was read: the outcome, the template that decided, and every template's verdict."""

    outcome: Outcome
    why: str
    template: Template | None
    transactions: tuple[Transaction, ...]
    verdicts: tuple[Verdict, ...]


class _PatternSet:
    """Patterns that are looked for all at once."""

    def __init__(self, patterns: set[str]) -> None:
        options = quiet()
        options.max_mem = _SET_MEMORY
        self._order = sorted(patterns)
        self._set = re2.Set.SearchSet(options)
        for pattern in self._order:
            self._set.Add(pattern)
        if self._order:
            self._set.Compile()

    def standing_in(self, data: bytes) -> frozenset[str]:
        """Return the patterns that stand in a folded text in UTF-8."""
        if not self._order:
            return frozenset()
        return frozenset(self._order[number] for number in self._set.Match(data) or ())


class Chooser:
    """The templates of one bank, compiled for choosing."""

    def __init__(self, templates: tuple[Template, ...]) -> None:
        self.templates = templates
        every = [condition for template in templates for condition in template.conditions]
        self._body = _PatternSet({condition.pattern for condition in every if condition.place == "body"})
        self._subject = _PatternSet({condition.pattern for condition in every if condition.place == "subject"})

    def read(self, text: Text, around: Surroundings) -> Choice:
        """Return how the bank's templates read a text."""
        standing = self._standing(text, around)
        verdicts: list[Verdict] = []
        missed: Verdict | None = None
        for template in self.templates:
            failing = _failing(template, standing)
            if failing is not None:
                verdicts.append(Verdict(template, failing.unmet))
                continue
            choice = _read_by(template, text, around, verdicts)
            if choice is not None:
                return choice
            missed = missed or verdicts[-1]
        if missed is None:
            return Choice(Outcome.UNMATCHED, "no template of the bank fits", None, (), tuple(verdicts))
        why = f"template {missed.template.name} fits, but: {missed.why}"
        return Choice(Outcome.FAILED, why, missed.template, (), tuple(verdicts))

    def alone(self, template: Template, text: Text, around: Surroundings) -> Choice | None:
        """Return how one template reads a text when nothing else is asked, or None when it does not."""
        if _failing(template, self._standing(text, around)) is not None:
            return None
        return _read_by(template, text, around, [])

    def explained(self, choice: Choice, text: Text, around: Surroundings) -> Iterator[tuple[str, str]]:
        """Yield each template's name and, in words, why it read a text or did not, in the order of the file."""
        standing = self._standing(text, around)
        asked = {one.template.name: one for one in choice.verdicts}
        for template in self.templates:
            failing, verdict = _failing(template, standing), asked.get(template.name)
            if failing is not None:
                yield template.name, failing.unmet
            elif verdict is None:
                before = choice.template.name if choice.template else "another"
                yield template.name, f"would fit, but {before} stands before it in the file and decided"
            elif not verdict.decisive:
                yield template.name, f"its conditions fit, but not its layout: {verdict.why}; so the next was asked"
            elif choice.outcome is Outcome.FAILED:
                yield template.name, f"fits and decided: a value is not what it must be: {verdict.why}"
            else:
                yield template.name, verdict.why

    def _standing(self, text: Text, around: Surroundings) -> dict[str, frozenset[str]]:
        return {
            "body": self._body.standing_in(text.folded_flow.data),
            "subject": self._subject.standing_in(fold_word(around.subject).encode("utf-8", "replace")),
        }


def _failing(template: Template, standing: dict[str, frozenset[str]]) -> Condition | None:
    """Return the first condition that the mail does not meet."""
    unmet = (one for one in template.conditions if (one.pattern in standing[one.place]) is not one.wanted)
    return next(unmet, None)


def _read_by(template: Template, text: Text, around: Surroundings, verdicts: list[Verdict]) -> Choice | None:
    try:
        transactions = template.read(text, around)
    except Mismatch as error:
        verdicts.append(Verdict(template, str(error)))
        return None
    except BadValue as error:
        verdicts.append(Verdict(template, str(error), decisive=True))
        return Choice(Outcome.FAILED, str(error), template, (), tuple(verdicts))
    outcome = Outcome.IGNORED if template.gives_nothing else Outcome.SUCCESS
    why = "a known mail that moves no money" if template.gives_nothing else "read"
    verdicts.append(Verdict(template, f"fits: {why}", decisive=True))
    return Choice(outcome, f"template {template.name}: {why}", template, transactions, tuple(verdicts))
