"""The log of an actor's process: JSON lines on stderr, which Ray keeps per worker among its session's logs."""

import ray

from actors.cluster import current_run
from medgym_ray.logs import to_stderr


def start_logging(actor: str) -> None:
    """In the constructor of an actor. A process that is no actor's (a test's) keeps its own logging."""
    if ray.is_initialized():
        to_stderr(current_run(), actor)
