"""Getting ready: what is chosen, what is missing, and how that is said."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from medgym_ray.errors import ConfigError, SandboxError
from medgym_ray.sandboxes import bubblewrap, environment, image
from medgym_ray.sandboxes.base import Cell
from medgym_ray.sandboxes.namespace import NamespaceFactory
from medgym_ray.sandboxes.registry import make_factory

REPOSITORY = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")


def test_unknown_kinds_and_keys_are_named():
    with pytest.raises(ConfigError, match="unknown sandbox 'vm': use one of docker, namespace"):
        make_factory("vm", slots=1, run_id="r")
    with pytest.raises(ConfigError, match=r"sandbox\.imagge for sandbox=docker"):
        make_factory("docker", slots=1, run_id="r", imagge="x")
    with pytest.raises(ConfigError, match="at least 1"):
        make_factory("docker", slots=0, run_id="r")


def test_the_image_s_tag_follows_what_goes_into_it(monkeypatch):
    before = image.image_tag()
    assert before == image.image_tag()
    inputs = image.build_inputs()
    assert {"Dockerfile", "requirements.txt", "pysam.py", "supervisor/serve.py"} <= inputs.keys()
    monkeypatch.setattr(image, "build_inputs", lambda: {**inputs, "requirements.txt": b"other"})
    assert image.image_tag() != before


def test_every_requirement_is_exact():
    lines = [line for line in image.image_file("requirements.txt").splitlines() if line and not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)


async def test_docker_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(SandboxError, match="sandbox=namespace") as caught:
        await make_factory("docker", slots=1, run_id="r").start()
    assert "/nowhere/docker.sock" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.docker
async def test_a_missing_image_names_the_command():
    factory = make_factory("docker", slots=1, run_id="r", image="medgym-sandbox:none")
    with pytest.raises(SandboxError, match=r"python -m medgym_ray\.sandboxes\.image"):
        await factory.start()


def test_a_refusal_names_the_setting(monkeypatch, tmp_path):
    setting = tmp_path / "setting"
    setting.write_text("0\n")
    monkeypatch.setattr(bubblewrap, "_REFUSALS", ((str(setting), "0", "user.max_user_namespaces=10000"),))
    assert "set user.max_user_namespaces=10000" in bubblewrap.explain_refusal("x\ny")
    setting.write_text("1\n")
    message = bubblewrap.explain_refusal("bwrap: No permissions\nto do it")
    assert "bwrap: No permissions to do it" in message
    assert "sandbox=docker" in message


async def test_bubblewrap_that_fails_is_one_line(monkeypatch, bare_environment):
    monkeypatch.setattr(bubblewrap, "find_bubblewrap", lambda: "/bin/false")
    factory = NamespaceFactory(preimport=())
    with pytest.raises(SandboxError, match="sandbox=docker") as caught:
        await factory.start()
    assert "\n" not in str(caught.value)
    await factory.close()


async def test_a_named_environment_is_used_and_checked(monkeypatch):
    monkeypatch.setenv(environment.VARIABLE, "/nowhere")
    with pytest.raises(SandboxError, match="does not run"):
        await NamespaceFactory().start()


async def test_a_build_that_fails_names_its_log(monkeypatch, tmp_path):
    monkeypatch.delenv(environment.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environment, "image_file", lambda name: "no-such-package ==\n")
    with pytest.raises(SandboxError, match=r"could not be built; see .*\.log"):
        environment.ensure_environment()
    assert not [path for path in (tmp_path / "medgym_ray").iterdir() if path.is_dir()]


@pytest.fixture
def bare_environment(monkeypatch):
    """A venv of the system's Python with nothing in it, where every user can read it."""
    if not SYSTEM_PYTHON.exists() or sys.platform != "linux":
        pytest.skip("needs the system's Python")
    directory = Path(tempfile.mkdtemp(prefix="medgym-test-"))
    directory.chmod(0o755)
    made = subprocess.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", directory / "venv"], check=False)
    if made.returncode != 0:
        pytest.skip("the system's Python makes no venv")
    monkeypatch.setenv(environment.VARIABLE, str(directory / "venv"))
    yield directory / "venv"
    shutil.rmtree(directory)


async def test_the_package_s_own_bubblewrap_works(monkeypatch, bare_environment):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    factory = NamespaceFactory(preimport=())
    await factory.start()
    try:
        sandbox = await factory.create()
        assert (await sandbox.run(Cell("answer = 1"))).answer == 1
        assert factory.provenance()["kind"] == "namespace"
    finally:
        await factory.close()
    with pytest.raises(SandboxError):
        await sandbox.run(Cell("answer = 1"))


async def test_read_only_data_can_be_mounted(bare_environment):
    tables = bare_environment.parent / "tables"
    tables.mkdir()
    (tables / "table.csv").write_text("a,b\n")
    factory = NamespaceFactory(preimport=(), mounts={"/data/tables": tables})
    await factory.start()
    try:
        sandbox = await factory.create()
        code = "import os\nanswer = os.listdir('/data/tables')\n"
        code += "try: open('/data/tables/x', 'w')\nexcept OSError: answer += ['ro']"
        assert (await sandbox.run(Cell(code))).answer == ["table.csv", "ro"]
    finally:
        await factory.close()


ORDINARY = """
import asyncio, json, os, sys
from medgym_ray.sandboxes.base import Cell, Limits
from medgym_ray.sandboxes.namespace import NamespaceFactory

async def main():
    assert os.getuid() != 0
    factory = NamespaceFactory(preimport=())
    await factory.start()
    sandbox = await factory.create()
    forks = "import os, time\\nfor _ in range(99):\\n    if os.fork() == 0: time.sleep(99)"
    results = [
        await sandbox.run(Cell("import os\\nopen('left', 'w')\\nanswer = [os.getuid(), os.path.exists('/home')]")),
        await sandbox.run(Cell(forks, limits=Limits(processes=20))),
        await sandbox.run(Cell("x = []\\nwhile True: x.append(b'x' * 1000000)", limits=Limits(memory_mb=100))),
    ]
    await sandbox.reset()
    results.append(await sandbox.run(Cell("import os\\nanswer = os.listdir()")))
    await factory.close()
    print(json.dumps([[result.status, result.answer] for result in results]))

asyncio.run(main())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_it_works_for_an_ordinary_user(bare_environment):
    if any(not parent.stat().st_mode & 0o001 for parent in (REPOSITORY, *REPOSITORY.parents)):
        pytest.skip("an ordinary user cannot read the checkout")
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SYSTEM_PYTHON, "-B", "-c", ORDINARY],
        cwd="/", capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY), environment.VARIABLE: str(bare_environment)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["ok", [10_001, False]], ["error", None], ["memory_limit", None], ["ok", []]]


@pytest.mark.parametrize("kind", ["namespace", pytest.param("docker", marks=pytest.mark.docker)])
async def test_more_can_be_warm_and_what_is_missing_is_left_out(kind):
    made = make_factory(kind, slots=1, run_id="tests", preimport=("matplotlib.pyplot", "no_such_module"))
    await made.start()
    try:
        sandbox = await made.create()
        code = "import sys, os\nanswer = ['matplotlib.pyplot' in sys.modules, os.listdir('/tmp')]\n"
        code += "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('x.png')"
        assert (await sandbox.run(Cell(code))).answer == [True, []]
        await sandbox.reset()
        assert (await sandbox.run(Cell("import os\nanswer = os.listdir('/work')"))).answer == []
    finally:
        await made.close()


async def test_a_fork_master_that_dies_is_replaced():
    factory = NamespaceFactory(preimport=())
    await factory.start()
    try:
        orphan = await factory.create()
        (master,) = factory._masters
        master._process.kill()
        master._process.wait()
        for _ in range(2):  # before and after another master is there
            with contextlib.suppress(SandboxError):  # it may end with its master, or go on without
                assert (await orphan.run(Cell("answer = 1"))).answer == 1
            made = await factory.create()
            assert (await made.run(Cell("answer = 2"))).answer == 2
        await orphan.reset()
        assert (await orphan.run(Cell("answer = 3"))).answer == 3
    finally:
        await factory.close()
