"""The GPUs of a replica that may spread over nodes: set aside together, or not at all."""

import asyncio
from typing import Any

from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from medgym_ray.errors import ClusterError

_WAIT_S = 60.0


class Gang:
    """A placement group: one bundle for the replica's actor, one for each of its engine's ranks."""

    def __init__(self, cpus: float, ranks: int, gpus: float) -> None:
        """`cpus` for the actor, `gpus` per rank."""
        worker = {"GPU": gpus} if gpus else {"CPU": 1.0}
        self._group = placement_group([{"CPU": cpus}, *(dict(worker) for _ in range(ranks))], strategy="PACK")

    async def ready(self) -> None:
        """Waits until it is there. Raises ClusterError where the cluster has no room for it."""
        if not await asyncio.to_thread(self._group.wait, _WAIT_S):
            self.disband()
            raise ClusterError(f"no room for {self._group.bundle_count} bundles of a replica within {_WAIT_S:g} s")

    def seat(self) -> Any:
        """Where the replica's actor goes; what its engine starts goes to the other bundles."""
        return PlacementGroupSchedulingStrategy(
            placement_group=self._group, placement_group_bundle_index=0, placement_group_capture_child_tasks=True
        )

    def disband(self) -> None:
        """Gives everything back; what still runs there is ended."""
        remove_placement_group(self._group)
