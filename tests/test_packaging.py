"""What is shipped works anywhere: an installed wheel, in an environment that knows nothing of the checkout."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import yaml
from packaging.metadata import Metadata

import medgym_ray
from tests.cli.commands import NAMES
from tests.conftest import REPOSITORY
from tests.typed import clean_environment


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, built from the checkout, and the wheel, built from that sdist alone."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True, timeout=240)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of the wheel, installed where nothing else of ours is; what it depends on is this environment's."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "-q"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=120)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path that a .pth names is searched, but its own .pth files, which would lead to the checkout, are not read.
    (site / "dependencies.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    return folder / "bin"


def _run(command: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = clean_environment("PYTHON")
    return subprocess.run(
        [command, *arguments], cwd=cwd, env=clean, capture_output=True, text=True, timeout=240, check=False
    )


def test_the_wheel_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"medgym_ray-{medgym_ray.__version__}.dist-info"
    assert {PurePosixPath(name).parts[0] for name in names} == {"medgym_ray", "actors", info}, "other names collide"
    assert {f"{info}/licenses/LICENSE", "medgym_ray/py.typed"} <= names
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for line in tracked.splitlines():
        top = line.partition("/")[0]
        if top in {"medgym_ray", "actors"}:
            assert line in names
        elif top in {"conf", "data"}:
            assert f"medgym_ray/{line}" in names
    leftovers = [n for n in names if "__pycache__" in n or n.endswith((".pyc", ".orig", "~")) or "/tests/" in n]
    assert not leftovers


def test_the_sdist_holds_what_tests_it(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "PKG-INFO", "LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md"}
    assert wanted | {"Makefile", "CONTRIBUTING.md", "tests/test_packaging.py", "conf/generate.yaml"} <= names
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders == {"actors", "benchmarks", "conf", "data", "docs", "examples", "medgym_ray", "tests"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_metadata_is_valid_and_says_what_there_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Metadata.from_email(archive.read(name), validate=True)
    assert (metadata.name, str(metadata.version)) == ("medgym-ray", medgym_ray.__version__)
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description == (REPOSITORY / "README.md").read_text()
    assert {"dev", "evaluate", "gym", "hub", "openai", "train", "verifiers", "vllm"} <= set(
        metadata.provides_extra or ()
    )


def test_one_version_everywhere() -> None:
    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["version"] == medgym_ray.__version__
    headings = [line for line in (REPOSITORY / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0] == "## Unreleased"
    assert headings[1].startswith(f"## {medgym_ray.__version__} ")


def test_the_wheel_runs_the_main_job(scripts: Path, tmp_path: Path) -> None:
    where = _run(scripts / "python", tmp_path, "-c", "import medgym_ray, actors; print(medgym_ray.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(scripts.parent), where.stderr
    arguments = ("tasks=npowerai", "tasks.limit=2", "cluster.address=local", "output.dir=run")
    ended = _run(scripts / "medgym-generate", tmp_path, *arguments)
    assert ended.returncode == 0, ended.stderr
    assert "2 trajectories; success 2/2" in ended.stdout
    shown = _run(scripts / "medgym-view", tmp_path, "run=run", "output=page.html")
    assert shown.returncode == 0, shown.stderr
    assert "DecompressionStream" in (tmp_path / "page.html").read_text(), "the page's own script is in the wheel"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_installed(name: str, scripts: Path, tmp_path: Path) -> None:
    told = _run(scripts / name, tmp_path, "--help")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("python -m medgym_ray.")
    assert "Exit codes" in told.stdout


def test_completion_is_for_every_installed_command(scripts: Path, tmp_path: Path) -> None:
    told = _run(scripts / "medgym-models", tmp_path, "--shell-completion", "install=bash").stdout
    assert told.splitlines()[-1] == f"complete -F _medgym_complete {' '.join(NAMES)}"
