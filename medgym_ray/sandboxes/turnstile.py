"""How many sandboxes of a machine are being started at a time, whichever process starts them."""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator
from typing import IO

from medgym_ray.paths import cache_dir

_AGAIN_S = 0.05


class Turnstile:
    """So many places, each a file that one holds locked: who dies in one leaves it."""

    def __init__(self, name: str, places: int) -> None:
        """All turnstiles of this machine and user with the same name are one."""
        self._paths = [cache_dir() / f"{name}-{place}.lock" for place in range(places)]

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a place."""
        while (place := self._taken()) is None:
            await asyncio.sleep(_AGAIN_S)
        with place:
            yield

    def _taken(self) -> IO[bytes] | None:
        cache_dir().mkdir(parents=True, exist_ok=True)
        for path in self._paths:
            file = path.open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
            else:
                return file
        return None
