"""What this machine or cluster can run, and what each missing thing costs: `python -m medgym_ray.doctor`."""

import contextlib
import importlib.metadata
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import docker
import docker.errors
from rich.console import Console
from rich.table import Table

from medgym_ray import cli
from medgym_ray.config import ClusterConfig, TasksConfig
from medgym_ray.errors import ClusterError, SandboxError
from medgym_ray.policies.vllm import INSTALL, installed_version
from medgym_ray.sandboxes import reaper
from medgym_ray.sandboxes.bubblewrap import explain_refusal, find_bubblewrap, try_user_namespace
from medgym_ray.sandboxes.cgroups import Groups
from medgym_ray.sandboxes.image import BUILD_COMMAND, image_tag
from medgym_ray.tasks.base import Family, Split
from medgym_ray.tasks.counts import count
from medgym_ray.tasks.registry import listed_families, source_name
from medgym_ray.validation import validate_tasks


@dataclass
class DoctorConfig:
    """What to look at: the cluster that a run would attach to, and the tasks it would read."""

    tasks: TasksConfig = field(default_factory=TasksConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    clean: bool = False
    """Instead removes what crashed runs have left on this machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table. `cost` says what does not work without it, and how to get it."""

    part: str
    found: str | None
    cost: str = ""


def run(config: DoctorConfig) -> int:
    """Prints the tables; 0 also where something is missing, for most of it is optional."""
    validate_tasks(config.tasks)
    console = Console()
    if config.clean:
        return _clean(console)
    table = Table("part", "found", "without it")
    for look in _LOOKS:
        finding = look()
        mark = finding.found if finding.found is not None else "[yellow]missing"
        table.add_row(finding.part, mark, "" if finding.found else finding.cost)
    for finding in _cluster(config.cluster):
        table.add_row(finding.part, finding.found or "[yellow]missing", "" if finding.found else finding.cost)
    console.print(table)
    families, complaints = listed_families(config.tasks)
    console.print(_families(families, config.tasks))
    for complaint in complaints:
        console.print(complaint, markup=False, highlight=False, soft_wrap=True)
    return 0


def _clean(console: Console) -> int:
    lines = list(reaper.clean())
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if not lines:
        console.print("nothing to remove: no crashed run has left anything on this machine")
    return 0


def _python() -> Finding:
    return Finding("Python", f"{platform.python_version()} ({sys.executable})")


def _ray() -> Finding:
    return Finding("Ray", importlib.metadata.version("ray"))


def _gpus() -> Finding:
    program = shutil.which("nvidia-smi")
    cost = "policies run on CPUs only (+model=smollm2, oracle, replay) unless the cluster has GPUs"
    if program is None:
        return Finding("GPU here", None, cost)
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False).stdout.strip()
    return Finding("GPU here", "; ".join(listed.splitlines()) or None, cost)


def _vllm() -> Finding:
    return Finding("vLLM", installed_version(), f"no open-weight models: {INSTALL}")


@contextlib.contextmanager
def _engine() -> Iterator[Any]:
    """Docker's client, or None where no engine answers."""
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(contextlib.closing(docker.from_env(timeout=5)))
            client.ping()
        except (docker.errors.DockerException, OSError):
            client = None
        yield client


def _docker() -> Finding:
    cost = "no sandbox=docker; the embedded sandbox=namespace is the default"
    with _engine() as client:
        return Finding("Docker", str(client.version()["Version"]) if client else None, cost)


def _image() -> Finding:
    tag = image_tag()
    cost = f"no sandbox=docker until it is built: {BUILD_COMMAND}"
    with _engine() as client:
        there = client is not None and bool(client.images.list(filters={"reference": tag}))
    return Finding("Docker image", tag if there else None, cost)


def _gvisor() -> Finding:
    cost = (
        "no sandbox.runtime=runsc: containers share this machine's kernel, and a hole in the kernel is a way out; "
        "install gVisor and say `runsc install`"
    )
    with _engine() as client:
        runtimes = client.info().get("Runtimes", {}) if client else {}
    return Finding("gVisor", "sandbox.runtime=runsc" if "runsc" in runtimes else None, cost)


def _bubblewrap() -> Finding:
    try:
        program = find_bubblewrap()
        probe = [program, "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
        tried = subprocess.run(probe, capture_output=True, text=True, timeout=30, check=False)
    except (SandboxError, OSError, subprocess.TimeoutExpired) as error:
        return Finding("bubblewrap", None, f"no sandbox=namespace: {error}")
    if tried.returncode:
        return Finding("bubblewrap", None, f"no sandbox=namespace: {explain_refusal(tried.stderr)}")
    return Finding("bubblewrap", f"{program}, user namespaces work")


def _user_namespaces() -> Finding:
    try:
        try_user_namespace()
    except SandboxError as error:
        return Finding("user namespaces", None, f"no sandbox=namespace: {error}")
    return Finding("user namespaces", "ordinary users may make them")


def _control_groups() -> Finding:
    cost = (
        "sandbox=namespace watches memory itself, and a burst can overshoot a cell's limit before it looks; "
        "root may make them"
    )
    groups = Groups.find()
    if groups is None:
        return Finding("control groups", None, cost)
    groups.close()
    return Finding("control groups", "memory and process limits are hard")


_LOOKS: tuple[Callable[[], Finding], ...] = (
    *(_python, _ray, _gpus, _vllm, _docker, _image, _gvisor),
    *(_bubblewrap, _user_namespaces, _control_groups),
)


def _cluster(config: ClusterConfig) -> list[Finding]:
    """Attaches where a run would; starts nothing."""
    from actors import cluster

    passed_over: list[str] = []
    try:
        attached = cluster.attach(config.address, "doctor", passed_over.append)
    except ClusterError as error:
        return [Finding("Ray cluster", None, str(error))]
    if attached is None:
        why = "".join(passed_over) or "none runs here"
        return [Finding("Ray cluster", None, f"{why}: each run starts its own on this machine")]
    try:
        resources = attached.resources
        what = f"{attached.address}: {len(attached.nodes)} node(s), {resources.get('CPU', 0):g} CPUs"
        return [Finding("Ray cluster", f"{what}, {resources.get('GPU', 0):g} GPUs")]
    finally:
        cluster.disconnect()


def _families(families: Sequence[Family], config: TasksConfig) -> Table:
    table = Table("family", "split", "tasks", "paper", "broken", "left out", title=f"Tasks in {source_name(config)}")
    for family in families:
        for split in get_args(Split):
            table.add_row(family.name, split, *_family_row(family, config, split))
    return table


def _family_row(family: Family, config: TasksConfig, split: Split) -> tuple[str, ...]:
    counted, paper = count(family, config, split), f"{family.paper_sizes[split]:,}" if family.paper_sizes else ""
    if counted is None:
        return "[yellow]missing", paper, "", ""
    return f"{counted.tasks:,}", paper, str(counted.broken or ""), str(counted.dropped or "")


def main() -> None:
    """The command."""
    cli.main("doctor", DoctorConfig, run, switches=("clean",))


if __name__ == "__main__":
    main()
