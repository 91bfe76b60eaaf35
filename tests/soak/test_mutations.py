"""Each trap's test fails when its rule is broken (tests/traps). Run by `make soak`; `make mutations` prints a line each."""

import pytest
from traps.mutations import judge
from traps.naive import MUTATIONS

pytestmark = pytest.mark.soak


def test_every_trap_has_a_mutation():
    assert {mutation.trap for mutation in MUTATIONS} == set(range(1, 22))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.trap}-{mutation.path}")
def test_the_naive_importer_is_caught(mutation):
    assert judge(mutation).trouble is None
