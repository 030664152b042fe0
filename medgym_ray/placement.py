"""How many executors each node of a cluster gets."""

from collections.abc import Mapping

from medgym_ray.config import ModelConfig

ACTOR_CPUS = 0.5
"""What an actor sets aside. Bookkeeping only: an executor waits most of the time, a replica's GPUs do the work."""
_CPUS = 2
"""Of a node, per executor: its cells want them."""


def engine_cpus(model: ModelConfig) -> float:
    """Of one replica; a simulated one is mostly asleep, and a laptop is to hold dozens."""
    return 0.0 if model.kind in ("openai", "simulated") else ACTOR_CPUS


def allot(nodes: Mapping[str, float], taken: float, wanted: int, fixed: int | None) -> dict[str, int]:
    """Executors per node, by the nodes' CPUs, of which `taken` in all are somebody else's.

    One per two CPUs, and no more than `wanted` in all; `fixed` is a number that the user insists on. At least one.
    """
    if not nodes:
        return {}
    room = {node: cpus / _CPUS for node, cpus in nodes.items()}
    most = int((sum(nodes.values()) - taken) // _CPUS)
    number = fixed if fixed is not None else max(1, min(wanted, most))
    given = dict.fromkeys(nodes, 0)
    for _ in range(number):
        freest = max(sorted(nodes), key=lambda node: room[node] - given[node])
        given[freest] += 1
    return given
