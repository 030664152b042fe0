"""Attaching to somebody's cluster: used, and left running and clean."""

import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.lab import Lab, cluster
from tests.cluster.command import generate, rows

_LOOK = """
import actors
import ray, sys
ray.init(address=sys.argv[1], log_to_driver=False)
print("free", ray.available_resources().get("CPU") == ray.cluster_resources()["CPU"])
print("nodes", sum(node["Alive"] for node in ray.nodes()))
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A head of two CPUs, with a dashboard."""
    with cluster(dashboard=True) as made:
        yield made


def test_a_run_attaches_to_ray_address_and_leaves_the_cluster_running_and_clean(lab: Lab, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ended = generate("tasks=npowerai", "tasks.limit=4", f"output.dir={run}", env=lab.variables())
    assert ended.code == 0, ended.err
    assert "attached to Ray at" in ended.err
    assert len(rows(run)) == 4
    looked = [sys.executable, "-c", _LOOK, lab.address]
    seen = subprocess.run(
        looked, capture_output=True, text=True, timeout=120, check=True, env=os.environ | lab.variables()
    )
    assert seen.stdout.split() == ["free", "True", "nodes", "1"]

    wrong = lab.variables() | {"RAY_AUTH_TOKEN": "f" * 64}
    refused = generate("tasks=npowerai", "tasks.limit=4", f"output.dir={tmp_path / 'refused'}", env=wrong)
    assert refused.code == 2
    assert "RAY_AUTH_TOKEN" in refused.complaint


def test_a_head_here_that_answers_nobody_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    head = lab.nodes[0].process("gcs_server")
    assert head is not None
    os.kill(head, signal.SIGSTOP)
    run = tmp_path / "run"
    with tempfile.TemporaryDirectory(prefix="mgr") as folder:  # a short name: Ray puts sockets there
        latest = Path(folder) / "ray" / "ray_current_cluster"
        latest.parent.mkdir()
        latest.write_text(lab.address, encoding="utf-8")  # else `auto` may find the head of another test
        asked = ("tasks=npowerai", "tasks.limit=1", "cluster.address=auto", f"output.dir={run}")
        ended = generate(*asked, env={"RAY_TMPDIR": folder})
    assert ended.code == 0, ended.err
    assert "started a Ray cluster on this machine" in ended.err
    assert "; it is left alone" in ended.err
    assert len(rows(run)) == 1


def test_a_run_is_submitted_as_a_job(lab: Lab, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ray = Path(sys.executable).with_name("ray")
    command = ["python", "-m", "medgym_ray.generate", "tasks=npowerai", "tasks.limit=4", f"output.dir={run}"]
    submitted = subprocess.run(
        [ray, "job", "submit", "--address", lab.dashboard, "--", *command],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | lab.variables(),
        cwd=tmp_path,
    )
    said = submitted.stdout + submitted.stderr
    assert submitted.returncode == 0, said
    assert "attached to Ray at" in said
    assert "4 trajectories; success 4/4" in said
    assert len(rows(run)) == 4


def _without_us(folder: Path) -> Path:
    """A Python with everything that this one has, except this project."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    there = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "medgym" not in entry.name:
            (there / entry.name).symlink_to(entry)
    missing = subprocess.run([python, "-c", "import ray, medgym_ray"], capture_output=True, text=True, cwd=folder)
    assert "No module named 'medgym_ray'" in missing.stderr
    return python


def test_code_and_sample_are_shipped_to_nodes_that_lack_them(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with cluster(python=_without_us(tmp_path / "venv")) as lab:
        ended = generate(
            *("tasks.families=[npowerai,mimic_iii]", "tasks.limit=2", f"output.dir={run}"),
            env=lab.variables(),
            cwd=tmp_path,  # Ray puts a driver's own folder on its workers' path
        )
    assert ended.code == 0, ended.err
    assert len(rows(run)) == 4
