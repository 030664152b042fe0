"""A thread with an event loop, for callers that know nothing of one: they call, and what they called is awaited."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from gymnasium.error import ClosedEnvironmentError

T = TypeVar("T")
Held = AbstractAsyncContextManager[Any]


class Backstage:
    """Thread and `held` begin with the first call and end together, when closed or forgotten.

    Where Python ends first, the thread goes with it, and sandboxes end by themselves once nobody holds the line. An
    anyio portal would have Python wait for it then, for ever.
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: Callable[[], Any] | None = None
        self._closed = False

    def call(self, work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Has `work` done in the loop. Raises what it raises, what `held` raises, and ClosedEnvironmentError."""
        loop = self._begun()
        future = asyncio.run_coroutine_threadsafe(work(*arguments), loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C, which nobody in the loop has heard
            future.cancel()
            raise

    def close(self) -> None:
        """Ends it; safe to call twice."""
        self._closed = True
        if self._end is not None:
            self._end()

    def _begun(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise ClosedEnvironmentError("the environment is closed: make another")
        if self._loop is None:
            ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
            serving = _serve(self._held, ready)
            thread = threading.Thread(target=asyncio.run, args=(serving,), name="medgym environment", daemon=True)
            thread.start()
            self._loop, stop = ready.result()
            self._end = weakref.finalize(self, _end, thread, self._loop, stop)
            self._end.atexit = False
        return self._loop


async def _serve(held: Held, ready: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]") -> None:
    stop = asyncio.Event()
    try:
        async with held:
            ready.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)


def _end(thread: threading.Thread, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stop.set)
    thread.join()
