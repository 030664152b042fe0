"""An engine in numbers: what it says is known beforehand, what it takes is the time that a GPU would."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from medgym_ray.config import SimulationConfig
from medgym_ray.errors import EngineDead
from medgym_ray.policies.base import ContextFull, EngineLoad, Generation, GenerationRequest, Policy
from medgym_ray.policies.batching import Batch, EngineSequence, PrefixCache, reply_length

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


class SimulatedEngine:
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
        loop = self._loop = asyncio.get_running_loop()
        self._batch = Batch(config, loop.time())
        self._ends: dict[EngineSequence, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._died: EngineDead | None = None
        if config.failures_per_hour:
            after_s = Random(f"{replica}\0{loop.time()}").expovariate(config.failures_per_hour / _HOUR_S)
            loop.call_later(after_s, self._die)

    async def generate(self, request: GenerationRequest) -> Generation:
        """The words of the request once they would have been generated. Raises ContextFull, EngineDead."""
        await self.check_health()
        prompt = prompt_tokens(request)
        room = self._max_model_len - prompt
        if room < 1:
            raise ContextFull(f"{prompt} tokens fill the context of {self._max_model_len}")
        reply = min(self._reply_tokens(request.seed), request.sampling.max_tokens, room)
        cached = self._cache.match(prompt, request.session_id, request.task_id) if self._config.prefix_cache else 0
        sequence = EngineSequence(prompt, prompt - cached, reply, came=self._loop.time())
        end = self._ends[sequence] = self._loop.create_future()
        self._settle(self._batch.add(sequence, sequence.came))
        try:
            await end
        except asyncio.CancelledError:
            self._settle(self._batch.remove(sequence, self._loop.time()))
            raise
        finally:
            self._ends.pop(sequence, None)
        self._cache.keep(request.session_id, prompt + reply)
        if request.turn == 0:
            self._cache.keep(request.task_id, prompt)
        admitted, ended = sequence.admitted or sequence.came, sequence.ended or sequence.came
        return Generation(
            text=request.words or "",
            finish_reason="stop",
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=reply,
            replica=self._replica,
            generate_ms=(ended - sequence.came) * 1000,
            queue_ms=(admitted - sequence.came) * 1000,
            load=self.load,
        )

    @property
    def load(self) -> EngineLoad:
        """How busy it is."""
        return self._batch.load

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

    def _settle(self, ended: Sequence[EngineSequence]) -> None:
        """Tells who waits, and sees to the next event."""
        for sequence in ended:
            end = self._ends.get(sequence)
            if end is not None and not end.done():
                end.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        event = self._batch.next_event()
        self._timer = None if event is None else self._loop.call_at(event, self._wake)

    def _wake(self) -> None:
        self._settle(self._batch.advance(self._loop.time()))

    def _die(self) -> None:
        self._died = EngineDead(
            f"{self._replica}: the simulated engine died, as model.simulation.failures_per_hour has it"
        )
        for end in self._ends.values():
            if not end.done():
                end.set_exception(self._died)


def prompt_tokens(request: GenerationRequest) -> int:
    """Of the request's prompt, estimated where it comes as text."""
    if request.prompt_token_ids is not None:
        return len(request.prompt_token_ids)
    characters = sum(len(message.content) for message in request.messages)
    return characters // CHARACTERS_A_TOKEN + MESSAGE_TOKENS * len(request.messages)
