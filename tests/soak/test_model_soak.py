"""Thousands of stories of a mailbox (tests/model), others than those of `make test`. Run by `make soak`."""

import asyncio
from collections import Counter

import pytest
from model.chapters import tell
from model.universe import Seed

pytestmark = pytest.mark.soak

CHAPTERS, STORIES = 50, 100


def test_after_thousands_of_stories_the_store_holds_what_the_mailboxes_showed(tmp_path):
    (tmp_path / "seed").mkdir()
    seed = asyncio.run(Seed.sown(tmp_path / "seed"))
    told: Counter[str] = Counter()

    for chapter in range(1000, 1000 + CHAPTERS):
        told += tell(seed, tmp_path, chapter, STORIES)

    print(f"\n{dict(told)}")
    assert told["stories"] >= CHAPTERS * STORIES
