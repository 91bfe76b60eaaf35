"""Who does the work, as rows tell it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The node, and an owner of leases that is this process alone."""

    node: str
    owner: str
