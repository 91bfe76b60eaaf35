"""A bad week of two hundred mailboxes: nothing lost, nothing for the audits to find, and what it costs. `make soak`."""

import pytest
from soak.week import Plan, live_through

pytestmark = pytest.mark.soak

MOST_UNITS = 500
"""Per integration and day, at 3 bank mails and 40 mails a day."""


async def test_a_bad_week_loses_nothing_and_stays_within_its_units(tmp_path):
    plan = Plan()

    came_to = await live_through(plan, tmp_path)

    print(f"\n{plan.integrations} integrations, {plan.days} days, adaptive {plan.adaptive}:\n{came_to}")
    assert (came_to.lost, came_to.foreign, came_to.doubled) == (0, 0, 0)
    assert (came_to.missing_later, came_to.errors_left) == (0, 0)
    assert came_to.units_per_day <= MOST_UNITS
