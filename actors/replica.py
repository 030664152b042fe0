"""One vLLM engine as an actor, and the policy that executors see: all replicas behind one `generate`."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError

from medgym_ray.config import ModelConfig
from medgym_ray.errors import PolicyError
from medgym_ray.policies.base import Generation, GenerationRequest
from medgym_ray.policies.routing import Router
from medgym_ray.policies.vllm import VllmPolicy

_LAST_WORDS_S = 1.0


class PolicyReplica:
    """One engine on its GPUs."""

    def __init__(self, name: str, model: ModelConfig) -> None:
        self._name = name
        self._model = model
        self._policy: VllmPolicy | None = None

    async def start(self) -> None:
        """Loads the model. Apart from the constructor, so that an error keeps its type. Raises what VllmPolicy does."""
        assert self._model.path is not None
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        self._policy = VllmPolicy(
            self._model.path,
            max_model_len=self._model.max_model_len,
            tensor_parallel_size=self._model.tensor_parallel_size,
            engine=self._model.engine,
            replica=self._name,
        )

    async def generate(self, request: GenerationRequest) -> Generation:
        """One reply. Raises PolicyError, ContextFull. An engine that is dead takes its actor with it."""
        assert self._policy is not None, "start() comes first"
        try:
            return await self._policy.generate(request)
        except PolicyError:
            await self._exit_if_dead()
            raise

    async def _exit_if_dead(self) -> None:
        assert self._policy is not None
        try:
            await self._policy.check_health()
        except PolicyError:
            # A dead engine would fail every request that is still sent here; but first let this one say why.
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, os._exit, 1)

    async def close(self) -> None:
        """Ends the engine's processes."""
        if self._policy is not None:
            self._policy.close()


class ReplicatedPolicy:
    """All replicas as one policy: sticky routing, another replica where one is lost, cancellation passed on."""

    def __init__(self, replicas: Mapping[str, Any], max_in_flight: int) -> None:
        self._replicas = dict(replicas)
        self._lost: set[str] = set()
        self.router = Router(list(replicas), max_in_flight)
        self._slots = {name: asyncio.Semaphore(max_in_flight) for name in replicas}

    async def generate(self, request: GenerationRequest) -> Generation:
        """One reply; a replica that dies in mid-turn costs that turn only. Raises PolicyError where none is left."""
        while not self.all_lost():
            name = self.router.choose(request.session_id, request.task_id, self._lost)
            self.router.begin(name)
            try:
                async with self._slots[name]:
                    return await self._ask(name, request)
            except (ActorDiedError, ActorUnavailableError):
                self._lost.add(name)
            except RayError as error:
                raise _typed(error) from error
            finally:
                self.router.end(name)
        raise PolicyError("no replica is left: their engines died, failures/ says why; the same command goes on")

    async def _ask(self, name: str, request: GenerationRequest) -> Generation:
        reply = self._replicas[name].generate.remote(request)
        try:
            generation: Generation = await reply
        except asyncio.CancelledError:
            ray.cancel(reply)  # without it the engine would go on generating for nobody
            raise
        return generation

    def all_lost(self) -> bool:
        """Nobody can reply any more."""
        return len(self._lost) == len(self._replicas)

    def busy(self) -> frozenset[str]:
        """The replicas that have a request of ours."""
        return frozenset(name for name, load in self.router.load.items() if load)


def _typed(error: RayError) -> BaseException:
    """The exception that the replica raised, where it is one of ours."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else PolicyError(" ".join(str(error).split())[:400])
