"""Episodes that ask one model together: it replies once all that are under way have asked.

So a batch is as large as it can be, and what it holds does not depend on how fast sandboxes are: the same seed plays
the same episodes.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medgym_ray.policies.base import Generation, GenerationRequest, Policy

Sampler = Callable[[Sequence[GenerationRequest]], Sequence[Generation]]
"""One reply to each request; blocks."""


class Ensemble:
    """Of a fixed number of episodes, each of which has a seat and leaves it at its end."""

    def __init__(self, sample: Sampler, episodes: int) -> None:
        """To be made and used within one event loop."""
        self._sample = sample
        self._seated = set(range(episodes))
        self._asked: dict[int, tuple[GenerationRequest, asyncio.Future[Generation]]] = {}
        self._answering: asyncio.Task[None] | None = None

    def seat(self, number: int) -> Policy:
        """The policy of one episode."""
        return _Seat(self, number)

    def leave(self, number: int) -> None:
        """It will not ask again: the others need not wait for it."""
        self._seated.discard(number)
        self._answer_when_all_asked()

    async def ask(self, number: int, request: GenerationRequest) -> Generation:
        """Its reply. Raises what sampling raised."""
        reply: asyncio.Future[Generation] = asyncio.get_running_loop().create_future()
        self._asked[number] = request, reply
        self._answer_when_all_asked()
        try:
            return await reply
        finally:
            if self._asked.get(number, (None, None))[1] is reply:
                del self._asked[number]  # its time is over: it asks no more

    def _answer_when_all_asked(self) -> None:
        if self._asked and self._seated <= self._asked.keys():
            asked, self._asked = self._asked, {}
            self._answering = asyncio.create_task(self._answer(asked))

    async def _answer(self, asked: dict[int, tuple[GenerationRequest, asyncio.Future[Generation]]]) -> None:
        together = [asked[number] for number in sorted(asked)]
        try:
            replies = await asyncio.to_thread(self._sample, [request for request, _ in together])
        except Exception as error:  # whatever the engine raises, it is each asker's
            for _, reply in together:
                if not reply.done():
                    reply.set_exception(error)
            return
        for (_, reply), generation in zip(together, replies, strict=True):
            if not reply.done():
                reply.set_result(generation)


@dataclass(frozen=True, slots=True)
class _Seat(Policy):
    ensemble: Ensemble
    number: int

    async def generate(self, request: GenerationRequest) -> Generation:
        return await self.ensemble.ask(self.number, request)
