"""Calls to actors: what they answer or raise, and seats, where one actor may follow another."""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

import ray
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    ObjectStoreFullError,
    OutOfDiskError,
    RayActorError,
    RayError,
)

from medgym_ray.errors import ClusterError

LOST = (ActorDiedError, ActorUnavailableError)
"""The actor or the way to it is gone; whether it did what was asked is open."""
TELL_S = 5.0
"""How long a call waits that a run can do without."""
_AGAIN_S = 2.0
_FOLLOWER_S = 300.0
"""How long a call waits for the actor that follows a dead one."""


def reason(error: BaseException) -> str:
    """One line; of a remote traceback what was raised at its end."""
    cause = getattr(error, "cause", None) or error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"[:300]


def unwrapped(error: RayError) -> Exception:
    """What the actor itself raised, with its type; ClusterError where the actor, its node or the call was lost."""
    cause = getattr(error, "cause", None)
    if isinstance(error, ObjectStoreFullError | OutOfDiskError):
        return ClusterError(
            "Ray's object store is full, and so is the disk that it spills to: make room there, give "
            "`ray start --object-store-memory` more, or lower sandbox.concurrency"
        )
    if isinstance(error, RayActorError) or not isinstance(cause, Exception):
        return ClusterError(f"an actor of the run is gone ({_fate(error)})")
    return cause


def _fate(error: RayError) -> str:
    """Of the many lines that Ray has to say the one that tells what happened."""
    because = re.search(r"because (.+?)(?:\. |\.?$)", " ".join(str(error).split()))
    return because.group(1)[:200] if because else reason(error)


async def answer(call: Any) -> Any:
    """The result of an actor call. Raises what the actor raised; ClusterError where the actor was lost."""
    try:
        return await call
    except RayError as error:
        raise unwrapped(error) from error


def kill(actor: Any) -> None:
    """Ends an actor that may have ended long ago."""
    with contextlib.suppress(RayError):
        ray.kill(actor)


async def tell(actors: Iterable[Any], method: str, *arguments: Any) -> None:
    """Calls the same method of each; one that is dead need not know."""
    await within(TELL_S, [getattr(actor, method).remote(*arguments) for actor in actors])


async def within(seconds: float, calls: Sequence[Any]) -> None:
    """Waits for calls, one of which may fail or hang without harm to the run."""
    pending = [asyncio.ensure_future(answer(call)) for call in calls]
    if pending:
        await asyncio.wait(pending, timeout=seconds)
        await cancel(pending)


async def cancel(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Waits until each has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Seat:
    """Where the one actor of its kind sits. Who calls one that died waits for its follower and asks that one."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self._changed = asyncio.Event()

    def take(self, actor: Any) -> None:
        """Another actor sits here from now on."""
        self.actor = actor
        self._changed.set()
        self._changed = asyncio.Event()

    async def ask(self, method: str, *arguments: Any) -> Any:
        """Calls a method that may be called twice without harm: nobody knows how far an actor came that died.

        Raises what the actor raises; ClusterError where nobody follows in time.
        """
        patience = time.monotonic() + _FOLLOWER_S
        while True:
            changed = self._changed
            try:
                return await getattr(self.actor, method).remote(*arguments)
            except LOST as error:
                if time.monotonic() >= patience:
                    raise unwrapped(error) from error
            except RayError as error:
                raise unwrapped(error) from error
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _AGAIN_S)
