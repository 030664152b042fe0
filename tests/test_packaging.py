"""The built wheel works anywhere: configuration, sample and supervisor code are inside."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout and unpacked by pip into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [n for n in names if n.startswith(("conf/", "data/", "tests/", "benchmarks/"))], "bare names collide"
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile", "-q", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=120)
    return target


def _python(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=200, check=False
    )


def test_the_wheel_finds_its_configuration_and_sample(installed: Path, tmp_path: Path) -> None:
    where = _python(installed, tmp_path, "-c", "import medgym_ray, actors; print(medgym_ray.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed)
    shown = _python(installed, tmp_path, "-m", "medgym_ray.generate", "--cfg", "job", "+model=qwen7b")
    assert "Qwen2.5-7B-Instruct" in shown.stdout, shown.stderr


def test_the_wheel_runs_the_main_job(installed: Path, tmp_path: Path) -> None:
    arguments = ("tasks=npowerai", "tasks.limit=2", "cluster.address=local", "output.dir=run")
    ended = _python(installed, tmp_path, "-m", "medgym_ray.generate", *arguments)
    assert ended.returncode == 0, ended.stderr
    assert "2 trajectories; success 2/2" in ended.stdout
    shown = _python(installed, tmp_path, "-m", "medgym_ray.view", "run=run", "output=page.html")
    assert shown.returncode == 0, shown.stderr
    assert "DecompressionStream" in (tmp_path / "page.html").read_text(), "the page's own script is in the wheel"
