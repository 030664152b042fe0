"""One engine as an actor, and the policy that executors see: all replicas behind one `generate`."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from anyio import CapacityLimiter
from ray.exceptions import ActorDiedError, RayError

from actors.calls import LOST, unwrapped
from actors.logs import start_logging
from actors.metrics import ReplicaMeter
from medgym_ray import plugins
from medgym_ray.config import ModelConfig
from medgym_ray.errors import ClusterError, EngineDead, PolicyError
from medgym_ray.occupancy import Use
from medgym_ray.policies.base import Engine, EngineLoad, Generation, GenerationRequest
from medgym_ray.policies.registry import make_engine
from medgym_ray.policies.routing import Router
from medgym_ray.store.lengths import recorded_lengths

_LAST_WORDS_S = 1.0
_PULSE_S = 5.0
_AGAIN_S = 5.0
"""After which a replica that was only out of reach is asked again."""


class PolicyReplica:
    """One engine on its GPUs."""

    def __init__(self, name: str, model: ModelConfig, packages: Mapping[str, str]) -> None:
        """`packages`: see RunPlan."""
        start_logging(name)
        self._name = name
        self._model = model
        self._packages = packages
        self._engine: Engine | None = None
        self._generated = 0
        self._requests = ReplicaMeter(name)
        self._died = asyncio.Event()
        self._death: EngineDead | None = None

    async def start(self, key: str | None = None) -> None:
        """Loads the model. Apart from the constructor, so that an error keeps its type. Raises what the policy does.

        `key` is an endpoint's; also because what a constructor gets is kept by the cluster.
        """
        plugins.require(self._packages)
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        engine = self._engine = make_engine(self._model, self._name, self._lengths(), key)
        await engine.warm_up()

    def _lengths(self) -> Sequence[int]:
        recorded = self._model.simulation.recorded
        return recorded_lengths(recorded) if recorded and self._model.kind == "simulated" else ()

    async def generate(self, request: GenerationRequest) -> Generation:
        """One reply. Raises PolicyError, ContextFull. An engine that is dead takes its actor with it."""
        assert self._engine is not None, "start() comes first"
        try:
            with self._requests.request():
                generation = await self._engine.generate(request)
        except EngineDead as error:
            self._death = error
            self._died.set()
            # It would fail every request that is still sent here; but first let those under way learn why.
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, os._exit, 1)
            raise
        if generation.load is not None:
            self._generated = generation.load.generated
        return generation

    async def generated(self) -> int:
        """Tokens that its engine had generated at its last reply, those that nobody waited for any more among them."""
        return self._generated

    async def live(self) -> None:
        """Never returns: who waits for it learns of the actor's end, by EngineDead where its engine is the reason."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._died.wait(), _PULSE_S)
            if self._death is not None:
                raise self._death
            if self._engine is not None:
                await self._engine.check_health()

    async def use(self) -> Use:
        """How much of the time it had a request; Prometheus is told, too."""
        return self._requests.tell()

    async def close(self) -> None:
        """Ends the engine's processes."""
        if self._engine is not None:
            self._engine.close()


class ReplicatedPolicy:
    """All replicas as one policy: sticky routing, another replica where one is lost, cancellation passed on."""

    def __init__(self, replicas: Mapping[str, Any], max_in_flight: int) -> None:
        self._replicas = dict(replicas)
        self._lost: set[str] = set()
        self._found = asyncio.Condition()
        self.router = Router(replicas, max_in_flight)
        self._slots = {name: CapacityLimiter(self.router.windows[name].size) for name in replicas}

    async def generate(self, request: GenerationRequest) -> Generation:
        """One reply; a replica that dies in mid-turn costs that turn only, which goes elsewhere.

        Where all are lost it waits for one to be replaced. Raises what the replica raises; PolicyError where none is
        back before the request's deadline: that is no fault of the episode.
        """
        deadline = asyncio.get_running_loop().time() + request.deadline_s - _LAST_WORDS_S
        while True:
            await self._one_lives(deadline)
            name = self.router.choose(request.session_id, request.task_id, self._lost)
            actor = self._replicas[name]
            self.router.begin(name)
            try:
                async with self._slots[name]:
                    generation = await _ask(actor, request)
                self._hear(name, generation.load)
                return generation
            except LOST as error:
                self._lose(name, actor, for_good=isinstance(error, ActorDiedError))
            except RayError as error:
                cause = unwrapped(error)
                if isinstance(cause, EngineDead):
                    self._lose(name, actor, for_good=True)
                    continue
                raise PolicyError(str(cause)) if isinstance(cause, ClusterError) else cause from error
            finally:
                self.router.end(name)

    async def _one_lives(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline if self._all_lost() else None), self._found:
                await self._found.wait_for(lambda: not self._all_lost())
        except TimeoutError:
            raise PolicyError("all replicas are lost, and none was replaced in time") from None

    @property
    def capacity(self) -> int:
        """How many requests may be under way now, with all replicas that are there."""
        return sum(window.size for name, window in self.router.windows.items() if name not in self._lost)

    def _hear(self, name: str, load: EngineLoad | None) -> None:
        self.router.hear(name, load)
        self._slots[name].total_tokens = self.router.windows[name].size

    def _all_lost(self) -> bool:
        return len(self._lost) == len(self._replicas)

    def _lose(self, name: str, actor: Any, *, for_good: bool) -> None:
        if self._replicas[name] is not actor:
            return  # its follower is here already
        self._lost.add(name)
        if not for_good:
            loop = asyncio.get_running_loop()
            loop.call_later(_AGAIN_S, lambda: loop.create_task(self.use(name, actor, instead_of=actor)))

    async def use(self, name: str, actor: Any, instead_of: Any = None) -> None:
        """`actor` is the replica called `name` from now on (if that is still the one it is meant to follow)."""
        if instead_of is not None and self._replicas[name] is not instead_of:
            return
        async with self._found:
            self._replicas[name] = actor
            self._lost.discard(name)
            self.router.replaced(name)
            self._slots[name].total_tokens = self.router.windows[name].size
            self._found.notify_all()


async def _ask(actor: Any, request: GenerationRequest) -> Generation:
    reply = actor.generate.remote(request)
    try:
        generation: Generation = await reply
    except asyncio.CancelledError:
        ray.cancel(reply)  # without it the engine would go on generating for nobody
        raise
    return generation
