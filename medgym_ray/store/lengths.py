"""How long the replies of a run were, for engines that are simulated."""

from pathlib import Path

from medgym_ray.errors import ConfigError
from medgym_ray.store.layout import TRAJECTORIES


def recorded_lengths(run: str) -> list[int]:
    """Tokens of every reply of a run. Raises ConfigError where there are none."""
    import pyarrow.compute as pc  # with pandas in tow, which no other part of an actor waits for
    import pyarrow.dataset as ds

    folder = Path(run).expanduser() / TRAJECTORIES.name
    try:
        table = ds.dataset(folder, format="parquet").to_table(columns=["turns"])
    except (OSError, ValueError) as error:
        raise ConfigError(f"model.simulation.recorded={run}: no trajectories to be read there ({error})") from error
    turns = pc.list_flatten(table["turns"])
    lengths = [length for length in pc.struct_field(turns, "completion_tokens").to_pylist() if length]
    if not lengths:
        raise ConfigError(f"model.simulation.recorded={run}: its policy counted no tokens; take a run of an engine")
    return lengths
