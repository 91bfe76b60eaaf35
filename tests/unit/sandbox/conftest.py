"""A clock that a test owns, and a mailbox on it."""

import pytest
from support.sandbox_caller import SteppedClock

from afpd.sandbox import Mailbox


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def mailbox(clock: SteppedClock) -> Mailbox:
    return Mailbox("ana@example.com", "refresh-ana", clock)
