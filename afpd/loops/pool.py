"""Bounded concurrency: many items, a fixed number of workers, one writer that takes results in groups."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_MOST_TOGETHER = 200


async def work_through(
    source: AsyncIterator[T],
    work: Callable[[T], Awaitable[R]],
    write: Callable[[Sequence[R]], Awaitable[None]],
    *,
    workers: int,
) -> None:
    """Do `work` on every item of `source` with so many workers, and `write` the results as they come, in groups.

    Memory is bounded by the number of workers: the source is asked for more only when a worker is free. An error of
    the source, of a worker or of the writer ends everything and is raised as itself.
    """
    items: asyncio.Queue[T | None] = asyncio.Queue(maxsize=workers)
    results: asyncio.Queue[R | None] = asyncio.Queue(maxsize=2 * _MOST_TOGETHER)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_write_all(results, write, workers))
            for _ in range(workers):
                group.create_task(_work_all(items, results, work))
            async for item in source:
                await items.put(item)
            for _ in range(workers):
                await items.put(None)
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


async def _work_all(
    items: asyncio.Queue[T | None], results: asyncio.Queue[R | None], work: Callable[[T], Awaitable[R]]
) -> None:
    while (item := await items.get()) is not None:
        await results.put(await work(item))
    await results.put(None)


async def _write_all(
    results: asyncio.Queue[R | None], write: Callable[[Sequence[R]], Awaitable[None]], workers: int
) -> None:
    ended = 0
    while ended < workers:
        group = [await results.get()]
        while len(group) < _MOST_TOGETHER and not results.empty():
            group.append(results.get_nowait())
        ready = [result for result in group if result is not None]
        ended += len(group) - len(ready)
        if ready:
            await write(ready)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
