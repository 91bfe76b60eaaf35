"""How regularly a mailbox's banks write, learnt from its own past. Pure.

Counted in days with mail, so that a burst counts once. The usual silence is the longest one, which fades with each
later one: a mailbox of a monthly statement is used to a month, and a holiday is forgotten after some weeks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

FADES = 0.9
LEAST_GAPS = 4
"""Silences between days with mail, from which on somebody writes regularly."""

_LONGEST_DAYS = 366.0


@dataclass(frozen=True, slots=True)
class Habit:
    """The first and the last mail, the usual silence between days with mail, and how many of those were seen."""

    first_mail_at: datetime | None = None
    last_mail_at: datetime | None = None
    usual_gap_days: float | None = None
    mail_gaps: int = 0


def learnt(habit: Habit, moments: Iterable[datetime]) -> Habit:
    """Return the habit after mails of these moments (aware), which may come in any order and from the past."""
    ordered = sorted(moments)
    for moment in ordered:
        if habit.last_mail_at is None or habit.first_mail_at is None:
            habit = replace(habit, first_mail_at=moment, last_mail_at=moment)
        elif moment > habit.last_mail_at:
            habit = replace(_after(habit, _days(habit.last_mail_at, moment), FADES), last_mail_at=moment)
    for moment in reversed(ordered):
        if habit.first_mail_at is not None and moment < habit.first_mail_at:
            habit = replace(_after(habit, _days(moment, habit.first_mail_at), 1.0), first_mail_at=moment)
    return habit


def _after(habit: Habit, days: int, fades: float) -> Habit:
    if not days:
        return habit
    usual = max(float(days), (habit.usual_gap_days or 0.0) * fades)
    return replace(habit, usual_gap_days=min(usual, _LONGEST_DAYS), mail_gaps=habit.mail_gaps + 1)


def _days(earlier: datetime, later: datetime) -> int:
    return _day(later).toordinal() - _day(earlier).toordinal()


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
