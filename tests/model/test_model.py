"""Stories of a mailbox, generated: whatever happens in whatever order, at rest the store holds what the model says.

The stories of a chapter are drawn from its number, so that they are the same everywhere; `make soak` tells more.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from model.chapters import tell
from model.universe import Seed

CHAPTERS, STORIES = 4, 75


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seed]:
    return asyncio.run(Seed.sown(tmp_path_factory.mktemp("seed")))


@pytest.mark.parametrize("chapter", range(CHAPTERS))
def test_whatever_happens_the_store_holds_what_the_mailbox_showed(seed: Seed, tmp_path: Path, chapter: int):
    told = tell(seed, tmp_path, chapter, STORIES)

    assert told["stories"] >= STORIES
    assert min(told["bank mails"], told["completed visits"], told["faults"], told["deaths"]) > STORIES // 4
