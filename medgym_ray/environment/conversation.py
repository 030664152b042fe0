"""An episode turned inside out: it asks, and whoever holds it replies when he likes.

`Episode.run` drives a policy. Where the trainer drives, the policy is this: it hands each request out and waits.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Policy
from medgym_ray.trajectory import Trajectory


class Conversation:
    """One episode under way. To be made and used within one event loop."""

    def __init__(self, play: Callable[[Policy], Coroutine[Any, Any, Trajectory]]) -> None:
        """Begins it; `play` is told whom to ask."""
        self._request: GenerationRequest | None = None
        self._reply: asyncio.Future[str] | None = None
        self._news = asyncio.Event()
        """It asks, or has ended."""
        self._episode = asyncio.create_task(play(self))
        self._episode.add_done_callback(lambda _: self._news.set())

    async def generate(self, request: GenerationRequest) -> Generation:
        """See Policy."""
        self._request, self._reply = request, asyncio.get_running_loop().create_future()
        self._news.set()
        return Generation(text=await self._reply, finish_reason="stop", replica="environment")

    async def listen(self) -> GenerationRequest | Trajectory:
        """What it asks next, or how it ended. Raises the error of the part of ours that failed."""
        await self._news.wait()
        if self._episode.done() or self._request is None:
            return await self._episode
        return self._request

    async def say(self, text: str) -> GenerationRequest | Trajectory:
        """Replies to what it asks, and listens. Where its time is over the reply is not heard."""
        await self._news.wait()  # someone who gave up waiting may be back before it asks
        if not self._episode.done():
            self._news.clear()
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(text)
        return await self.listen()

    async def conclude(self) -> Trajectory:
        """How it ended; where it still asks, for want of room to reply. Raises as `listen` does."""
        await self._news.wait()
        if not self._episode.done() and self._reply is not None and not self._reply.done():
            self._reply.set_exception(ContextFull("the model may say no more"))
        return await self._episode

    async def abandon(self) -> None:
        """Ends it, whatever it is doing; its sandbox goes back."""
        self._episode.cancel()
        await asyncio.gather(self._episode, return_exceptions=True)
