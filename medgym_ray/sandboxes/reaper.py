"""Finding and removing what crashed runs have left on this machine; never what a live process owns, nor a stranger's.

Containers carry labels, control groups have names, that say whose they are; scratch directories and half-built caches
lie beside a lock that the kernel drops with its holder.
"""

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Iterator
from typing import Any

from medgym_ray.sandboxes import bubblewrap, cache, cgroups, owners

_logger = logging.getLogger(__name__)

RUN_LABEL = "medgym.run"
OWNER_LABEL = "medgym.owner"
STARTED_LABEL = "medgym.started"
EVERY_S = 60.0
"""Between two looks of a live factory."""
_API_TIMEOUT_S = 30


def labels(run_id: str) -> dict[str, str]:
    """What a container of this process carries."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {RUN_LABEL: run_id, OWNER_LABEL: owners.owner(), STARTED_LABEL: now}


def remove_orphans(client: Any) -> list[str]:
    """Removes containers whose owner on this machine is gone; says which. Raises docker's errors."""
    removed = []
    for container in client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True):
        if owners.is_gone(str(container.labels.get(OWNER_LABEL, ""))) and force_remove(container):
            run, started = (container.labels.get(label, "?") for label in (RUN_LABEL, STARTED_LABEL))
            removed.append(f"container {container.short_id} of run {run}, started {started}")
    return removed


async def keep_removing(client: Any, every_s: float) -> None:
    """Removes orphans now and then until it is cancelled."""
    from docker.errors import DockerException

    while True:
        await asyncio.sleep(every_s)
        try:
            removed = await asyncio.to_thread(remove_orphans, client)
        except (DockerException, OSError) as error:  # the next look may do better
            _logger.debug("no look for orphaned containers: %s", error)
            continue
        for what in removed:
            _logger.info("removed %s: its process is gone", what)


def force_remove(container: Any) -> bool:
    """Ends and removes a container; False where that failed, mostly because it is gone already or about to be."""
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, OSError):
        container.remove(force=True)
        return True
    return False


def clean() -> Iterator[str]:
    """Removes everything of dead processes on this machine; says what it removed, and what it could not look at."""
    yield from _clean_containers()
    yield from (f"removed control group {path}" for path in cgroups.sweep())
    yield from (f"removed scratch directory {path}" for path in bubblewrap.sweep())
    yield from (f"removed half-built {path}" for path in cache.sweep())


def _clean_containers() -> Iterator[str]:
    import docker
    from docker.errors import DockerException

    try:
        with contextlib.closing(docker.from_env(timeout=_API_TIMEOUT_S)) as client:
            yield from (f"removed {what}" for what in remove_orphans(client))
    except (DockerException, OSError) as error:
        yield f"Docker does not answer, containers were not looked at ({' '.join(str(error).split())[:200]})"
