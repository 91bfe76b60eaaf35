"""Telling many stories: hypothesis draws them, a chapter's number decides which."""

from collections import Counter
from pathlib import Path
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as drawn_from
from hypothesis.stateful import run_state_machine_as_test
from model.machine import MailboxMachine
from model.universe import Seed

STEPS = 8


def tell(seed: Seed, folder: Path, chapter: int, stories: int) -> Counter[str]:
    """Tell so many stories and return what they were made of; raise the shortest one that goes wrong."""

    @drawn_from(chapter)
    class Chapter(MailboxMachine):
        told: ClassVar[Counter[str]] = Counter()

    Chapter.seed, Chapter.shelf = seed, folder
    run_state_machine_as_test(
        Chapter,
        settings=settings(
            max_examples=stories,
            stateful_step_count=STEPS,
            phases=(Phase.generate, Phase.shrink),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Chapter.told
