"""An engine in numbers: what it says is known beforehand, what it takes is the time that a GPU would."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from medgym_ray.config import SimulationConfig
from medgym_ray.errors import EngineDead
from medgym_ray.policies.base import ContextFull, Engine, EngineLoad, Generation, GenerationRequest, Policy
from medgym_ray.policies.batching import EngineModel, EngineRequest, PrefixCache, reply_length

CHARACTERS_A_TOKEN = 4
"""English prose and code, near enough: a simulated engine has no tokenizer."""
MESSAGE_TOKENS = 4
"""What a chat template puts round a message."""
_HOUR_S = 3600.0


class Dictation:
    """Takes the words from one policy and has an engine say them."""

    def __init__(self, words: Policy, engine: Policy) -> None:
        self._words, self._engine = words, engine

    async def generate(self, request: GenerationRequest) -> Generation:
        """Raises what either does."""
        said = await self._words.generate(request)
        return await self._engine.generate(replace(request, words=said.text))


class SimulatedEngine(Engine):
    """Says `GenerationRequest.words`, in real time. To be used within one event loop."""

    def __init__(
        self, config: SimulationConfig, *, max_model_len: int, replica: str, lengths: Sequence[int] = ()
    ) -> None:
        """`lengths`: tokens of recorded replies, to draw from instead of a distribution."""
        self._config = config
        self._max_model_len = max_model_len
        self._replica = replica
        self._lengths = lengths
        self._cache = PrefixCache(config.kv_tokens)
        self._loop = asyncio.get_running_loop()
        self._model = EngineModel(config)
        self._timer: asyncio.TimerHandle | None = None
        self._ends: set[asyncio.Future[None]] = set()
        self._died: EngineDead | None = None
        if config.failures_per_hour:
            after_s = Random(f"{replica}\0{self._loop.time()}").expovariate(config.failures_per_hour / _HOUR_S)
            self._loop.call_later(after_s, self._die)

    async def generate(self, request: GenerationRequest) -> Generation:
        """The words of the request once they would have been generated. Raises ContextFull, EngineDead."""
        await self.check_health()
        prompt = prompt_tokens(request)
        room = self._max_model_len - prompt
        if room < 1:
            raise ContextFull(f"{prompt} tokens fill the context of {self._max_model_len}")
        length = min(self._reply_tokens(request.seed), request.sampling.max_tokens, room)
        cached = self._cache.match(prompt, request.session_id, request.task_id) if self._config.prefix_cache else 0
        came = self._loop.time()
        asked = await self._answered(EngineRequest(prompt, prompt - cached, length), came)
        self._cache.keep(request.session_id, prompt + length)
        if request.turn == 0:
            self._cache.keep(request.task_id, prompt)
        return Generation(
            text=request.words or "",
            finish_reason="stop",
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=length,
            replica=self._replica,
            generate_ms=((asked.ended or came) - came) * 1000,
            queue_ms=((asked.admitted or came) - came) * 1000,
            load=self.load,
        )

    async def _answered(self, asked: EngineRequest, came: float) -> EngineRequest:
        """Submits it and waits for its end. Raises EngineDead."""
        end = asked.owner = self._loop.create_future()
        self._ends.add(end)
        self._catch_up(came)
        self._model.submit(asked, came)
        self._set_timer()
        try:
            await end
        except asyncio.CancelledError:
            if not end.done() or end.cancelled():
                self._catch_up(self._loop.time())
                if asked.ended is None:
                    self._model.withdraw(asked, self._loop.time())
                self._set_timer()
            raise
        finally:
            self._ends.discard(end)
        return asked

    @property
    def load(self) -> EngineLoad:
        """How busy it is."""
        return self._model.load

    async def check_health(self) -> None:
        """Raises EngineDead where it is."""
        if self._died is not None:
            raise self._died

    def close(self) -> None:
        """Forgets what it was about to do."""
        if self._timer is not None:
            self._timer.cancel()

    def _reply_tokens(self, seed: int) -> int:
        random = Random(seed)
        if self._lengths:
            return random.choice(self._lengths)
        return reply_length(self._config.reply_tokens, self._config.reply_spread, random.gauss(0.0, 1.0))

    def _catch_up(self, now: float) -> None:
        """Lets the model's time pass, and tells who waits for what has ended in it."""
        while self._model.boundary <= now:
            for asked in self._model.advance():
                if not asked.owner.done():
                    asked.owner.set_result(None)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        boundary = self._model.boundary
        self._timer = None if boundary == math.inf else self._loop.call_at(boundary, self._wake)

    def _wake(self) -> None:
        self._catch_up(self._loop.time())
        self._set_timer()

    def _die(self) -> None:
        self._died = EngineDead(
            f"{self._replica}: the simulated engine died, as model.simulation.failures_per_hour has it"
        )
        for end in self._ends:
            if not end.done():
                end.set_exception(self._died)


def prompt_tokens(request: GenerationRequest) -> int:
    """Of the request's prompt, estimated where it comes as text."""
    if request.prompt_token_ids is not None:
        return len(request.prompt_token_ids)
    characters = sum(len(message.content) for message in request.messages)
    return characters // CHARACTERS_A_TOKEN + MESSAGE_TOKENS * len(request.messages)
