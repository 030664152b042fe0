"""What is refused before anything of a run is made."""

from pathlib import Path

from medgym_ray import privacy
from medgym_ray.config import GenerateConfig
from medgym_ray.errors import ClusterError, ConfigError
from medgym_ray.policies.endpoint import address
from medgym_ray.policies.scripted import ANY_TASK, read_replies
from medgym_ray.store.objects import bucket_address
from medgym_ray.tasks.registry import TaskSet, make_family


def check_replies(config: GenerateConfig, tasks: TaskSet) -> None:
    """Raises ConfigError where recorded replies are wanting for a task."""
    if config.model.path is None or config.model.kind not in ("replay", "simulated"):
        return
    recorded = read_replies(Path(config.model.path))
    without = [task.task_id for task in tasks.tasks if task.task_id not in recorded]
    if without and ANY_TASK not in recorded:
        raise ConfigError(
            f"model.path={config.model.path}: no replies for {len(without)} of {len(tasks.tasks)} tasks, "
            f'the first {without[0]}; add them, or a line with "task_id": "*"'
        )


def check_privacy(config: GenerateConfig, tasks: TaskSet, run_id: str) -> None:
    """Raises ConfigError where restricted data would go to others: before anything of a task leaves this process."""
    families = {task.family for task in tasks.tasks}
    restricted = [name for name in families if make_family(name, config.tasks).restricted]
    destinations = [privacy.Destination(f"{s}.base_url", address(e)) for s, e in config.endpoints().items()]
    if config.output.dir is not None and (url := bucket_address(config.output.dir)):
        destinations.append(privacy.Destination("output.dir", url))
    try:
        privacy.check(destinations, restricted, config.privacy)
    except ConfigError:
        # It is not on this machine; it may be on another of the cluster's.
        privacy.check(destinations, restricted, config.privacy, _cluster_addresses(config.cluster.address, run_id))


def _cluster_addresses(address: str, run_id: str) -> set[str]:
    from actors import cluster as ray_cluster

    try:
        return ray_cluster.addresses() if ray_cluster.attach(address, run_id) is not None else set()
    except ClusterError as error:
        raise ConfigError(str(error)) from error
    finally:
        ray_cluster.disconnect()
