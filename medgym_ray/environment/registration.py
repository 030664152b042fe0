"""The ids under which Gymnasium knows the families."""

import gymnasium

from medgym_ray.tasks.registry import FAMILIES


def environment_id(family: str) -> str:
    """What `gymnasium.make` takes."""
    return f"medgym/{family}-v0"


def register() -> None:
    """One id for each family of the registry; their code is imported when one is made."""
    for family in sorted(FAMILIES):
        gymnasium.register(
            id=environment_id(family),
            entry_point="medgym_ray.environment.single:MedgymEnv",
            vector_entry_point="medgym_ray.environment.vector:MedgymVectorEnv",
            kwargs={"family": family},
        )
