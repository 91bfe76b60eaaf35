"""What a status server asks, answering well."""

from collections.abc import Awaitable, Callable
from typing import Any

from afpd.status import Check, Readiness

Start = Callable[..., Awaitable[str]]


async def nothing_to_tell() -> dict[str, Any]:
    return {"integrations": {"total": 3}}


async def all_well() -> Readiness:
    return Readiness((Check("database", ok=True), Check("import", ok=True)))
