"""How busy the replicas are: only they know, for each works for several executors."""

import asyncio
from collections.abc import Mapping
from typing import Any

from actors.calls import answer
from medgym_ray.occupancy import Use, Uses

_EVERY_S = 2.0
_ANSWER_S = 5.0


class ReplicaWatch:
    """Asks each replica now and then."""

    def __init__(self, replicas: Mapping[str, Any]) -> None:
        """`replicas` may change: whoever is there is asked."""
        self._replicas = replicas
        self._uses = Uses()

    def use(self) -> Use:
        """Of all, when they were last asked."""
        return self._uses.total()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.gather(*(self._ask(name, actor) for name, actor in self._replicas.items()))
            await asyncio.sleep(_EVERY_S)

    async def _ask(self, name: str, actor: Any) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                self._uses.report(name, await answer(actor.use.remote()))
        except Exception:  # whatever it is: looking on is no reason to end a run
            self._uses.end(name)  # no place as long as it does not answer
