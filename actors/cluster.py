"""Attach to a Ray cluster or start one; never touch what is not ours."""

import contextlib
import importlib.metadata
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import medgym_ray
from medgym_ray.errors import ClusterError
from medgym_ray.paths import sample_dir

_LOG = logging.getLogger(__name__)
_PROBE_S = 5.0
_STATUS_S = 15.0
"""Most of it is what Python takes to import Ray on a busy machine."""
_RAYS = ("gcs_server", "raylet")
"""Processes of a node: a head has both."""
_DEFAULT_PORT = 6379
_PRIVATE = "medgym_ray_private"
"""A resource that marks the cluster of one run: it ends with that run, so no other may attach to it."""
_NAMESPACE = "medgym-"
_PACKAGES = (Path(medgym_ray.__file__).parent, Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a run is attached to. `started` says that it is ours and ends with the run."""

    address: str
    started: bool
    nodes: dict[str, float]
    """The CPUs of each, by its id."""
    resources: dict[str, float]


def connect(address: str, run_id: str, tell: Callable[[str], None] = _LOG.warning) -> Cluster:
    """Attaches as `address` says (auto, local, HOST:PORT, ray://HOST:PORT). Raises ClusterError with one line.

    `tell` hears of a cluster that was passed over. `auto` takes RAY_ADDRESS, else a head on this machine, else starts a
    private cluster that ends with the run.
    """
    attached = attach(address, run_id, tell)
    if attached is not None:
        return attached
    try:
        ray.init(address="local", include_dashboard=False, resources={_PRIVATE: 1}, **_options(run_id))
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterError(_explain("local", error)) from error
    return _described(started=True)


def attach(address: str, run_id: str, tell: Callable[[str], None] = _LOG.warning) -> Cluster | None:
    """Attaches to a running cluster and starts nothing; None where there is none to attach to."""
    wanted = os.environ.get("RAY_ADDRESS") or "auto" if address == "auto" else address
    if wanted == "local":
        return None
    try:
        if wanted == "auto":
            if not _lets_us_in(tell) or not _attached_to_head_here(_options(run_id)):
                return None
        else:
            _probe(wanted)
            ray.init(address=wanted, **_options(run_id))
        if not _installed_everywhere():
            # Packages are shipped per job, so this has to be another one.
            address_found = ray.get_runtime_context().gcs_address if wanted == "auto" else wanted
            ray.shutdown()
            with _shipment() as packages:
                ray.init(address=address_found, runtime_env={"py_modules": packages}, **_options(run_id))
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterError(_explain(wanted, error)) from error
    return _described(started=False)


@contextlib.contextmanager
def _shipment() -> Iterator[list[str]]:
    """Our packages for nodes that lack them, laid out as in a wheel: with the bundled sample inside."""
    with tempfile.TemporaryDirectory(prefix="medgym-") as folder:
        packages = [Path(folder) / package.name for package in _PACKAGES]
        for package, copy in zip(_PACKAGES, packages, strict=True):
            shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(sample_dir(), packages[0] / sample_dir().name, dirs_exist_ok=True)
        yield [str(package) for package in packages]


def _options(run_id: str) -> dict[str, Any]:
    return {"namespace": f"{_NAMESPACE}{run_id}", "log_to_driver": False, "logging_level": logging.ERROR}


def _described(*, started: bool) -> Cluster:
    return Cluster(
        address=ray.get_runtime_context().gcs_address,
        started=started,
        nodes=living_nodes(),
        resources=dict(ray.cluster_resources()),
    )


def current_run() -> str:
    """The id of the run that this process works for; empty outside of one."""
    return ray.get_runtime_context().namespace.removeprefix(_NAMESPACE) if ray.is_initialized() else ""


def living_nodes() -> dict[str, float]:
    """The CPUs of each node that is there now, used or not, by the node's id."""
    return {node["NodeID"]: float(node["Resources"].get("CPU", 0.0)) for node in ray.nodes() if node["Alive"]}


def addresses() -> set[str]:
    """The IP addresses of the cluster's nodes."""
    return {str(node["NodeManagerAddress"]) for node in ray.nodes() if node["Alive"]}


def on(node: str) -> Any:
    """Puts an actor on this node or nowhere.

    Not softly, and not by Ray's choice: Ray may send such an actor by way of a node that has just died, and then it
    dies with that one.
    """
    return NodeAffinitySchedulingStrategy(node, soft=False)


def here() -> Any:
    """Puts an actor on the driver's own node, near its disk."""
    return on(ray.get_runtime_context().get_node_id())


def _attached_to_head_here(options: dict[str, Any]) -> bool:
    try:
        ray.init(address="auto", **options)
    except ConnectionError:
        return False
    if _PRIVATE in ray.cluster_resources():
        ray.shutdown()
        return False
    return True


def _lets_us_in(tell: Callable[[str], None]) -> bool:
    """Whether there is a Ray here and it answers us. One with another token, or that is ending, keeps Ray trying for
    minutes; it is asked by a process that can be given up.
    """
    if not any(process.info["name"] in _RAYS for process in psutil.process_iter(["name"])):
        return False
    asked = [sys.executable, "-m", "ray.scripts.scripts", "status"]
    try:
        subprocess.run(asked, capture_output=True, text=True, timeout=_STATUS_S, check=True)
    except subprocess.TimeoutExpired:
        tell("a Ray cluster on this machine does not answer; it is left alone")
    except subprocess.CalledProcessError as error:
        last = " ".join((error.stderr.strip().splitlines() or ["no reason given"])[-1].split())
        tell(f"a Ray cluster on this machine does not let us in ({last[:150]}); it is left alone")
    else:
        return True
    return False


def _probe(address: str) -> None:
    """A dead address would keep Ray trying for a quarter of an hour."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port or (10001 if parts.scheme == "ray" else _DEFAULT_PORT)
    except ValueError as error:
        raise ClusterError(
            f"cluster.address={address}: {error}; type HOST:PORT, ray://HOST:PORT, auto or local"
        ) from error
    if not host:
        raise ClusterError(f"cluster.address={address}: type HOST:PORT, ray://HOST:PORT, auto or local")
    try:
        socket.create_connection((host, port), timeout=_PROBE_S).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray cluster answers at {host}:{port} ({error.strerror or error}); start it with `ray start --head`, "
            "or say cluster.address=local"
        ) from error


def _explain(address: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "Version mismatch" in text:
        return f"{text}; install the cluster's versions here (pip install ray==…)"
    if "Failed to connect" in text or "token" in text.lower():
        return f"{address}: {text[:300]}; if the cluster uses tokens, set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
    return f"{address}: {text[:300]}"


def _version_there() -> str:
    return importlib.metadata.version("medgym-ray")


def _installed_everywhere() -> bool:
    """Every node has this very version of ours."""
    nodes = living_nodes()
    try:
        here = importlib.metadata.version("medgym-ray")
        ask: Any = ray.remote(_version_there)
        asked = [ask.options(num_cpus=0, label_selector={"ray.io/node-id": node}).remote() for node in nodes]
        return all(version == here for version in ray.get(asked, timeout=30))
    except (importlib.metadata.PackageNotFoundError, ray.exceptions.RayError):
        return False


def require(cluster: Cluster, *, cpus: float, gpus: float) -> None:
    """Raises ClusterError naming what the run needs and the cluster lacks."""
    have_gpus, have_cpus = cluster.resources.get("GPU", 0.0), cluster.resources.get("CPU", 0.0)
    if gpus > have_gpus:
        raise ClusterError(
            f"the model needs {gpus:g} GPU(s), the cluster has {have_gpus:g}; "
            "attach to one that has them (cluster.address=HOST:PORT), or take +model=smollm2 (CPU) or no model (oracle)"
        )
    if cpus > have_cpus:
        raise ClusterError(
            f"the run needs {cpus:g} CPU(s), the cluster has {have_cpus:g}; lower cluster.executors or model.replicas"
        )


_GPU_GB = {
    "T4": 16, "V100": 16, "P100": 16, "L4": 24, "A10G": 24, "A100-40G": 40, "A100": 40, "L40S": 48, "A100-80G": 80,
    "H100": 80, "H20": 96, "GH200": 96, "H200": 141, "B200": 180,
}  # fmt: skip
"""Memory of what Ray calls `accelerator_type:NAME` (the least, where one name has two sizes)."""


def gpu_memory_gb(cluster: Cluster) -> float | None:
    """Of the smallest GPU of the cluster; None where its kind is not known."""
    kinds = [name.partition(":")[2] for name in cluster.resources if name.startswith("accelerator_type:")]
    return min((_GPU_GB[kind] for kind in kinds), default=None) if all(kind in _GPU_GB for kind in kinds) else None


def disconnect() -> None:
    """Leaves the cluster; ends it where `connect` started it."""
    ray.shutdown()
