"""`pip install` in a cell: what the configuration allows, for one episode, and behind all that is there already."""

import json
import os
import platform
import subprocess
import sys
import sysconfig
import types
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.config import GenerateConfig, ModelConfig, SandboxConfig
from medgym_ray.errors import ConfigError, SandboxError
from medgym_ray.sandboxes import environment, image, resolver
from medgym_ray.sandboxes.base import Cell, CellResult, Sandbox, SandboxFactory
from medgym_ray.sandboxes.image import pip
from medgym_ray.sandboxes.packages import Packages
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.sandboxes.supervisor import settings
from medgym_ray.sandboxes.wheelhouse import Wheelhouse, ensure_wheelhouse
from medgym_ray.validation import validate
from tests.sandboxes.conftest import QUICK

OFF = "pip install is off in this sandbox: "
ALLOWED = "allowed in this sandbox: impostor==1.0, tiny==1.0, tiny-needs==1.5"


def make_wheel(directory: Path, name: str, version: str, files: dict[str, str], needs: tuple[str, ...] = ()) -> Path:
    stem = f"{name.replace('-', '_')}-{version}"
    info = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {need}\n" for need in needs),
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    listed = files | {f"{stem}.dist-info/{part}": text for part, text in info.items()}
    listed[f"{stem}.dist-info/RECORD"] = "".join(f"{path},,\n" for path in [*listed, f"{stem}.dist-info/RECORD"])
    path = directory / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in listed.items():
            wheel.writestr(inside, text)
    return path


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of wheels, one of them of a numpy that must not come in, one that brings a numpy along."""
    directory = tmp_path_factory.mktemp("wheels")
    entry = {"tiny-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny-says = tiny:say\n"}
    tiny = "import tiny_needs\nVALUE = tiny_needs.VALUE + 1\ndef say():\n    print('tiny', VALUE)\n"
    make_wheel(directory, "tiny", "1.0", {"tiny.py": tiny} | entry, ("tiny-needs>=1", "numpy>=1.20"))
    make_wheel(directory, "tiny-needs", "1.5", {"tiny_needs.py": "VALUE = 6\n"})
    make_wheel(directory, "not-asked-for", "1.0", {"not_asked_for.py": ""})
    make_wheel(directory, "numpy", "99.0", {"numpy/__init__.py": "__version__ = 'false'\n"})
    brought = dict.fromkeys(("numpy/__init__.py", "pandas.py", "json.py"), "__version__ = 'false'\n")
    make_wheel(directory, "impostor", "1.0", {"impostor.py": "", **brought})
    return directory


@pytest_asyncio.fixture(
    scope="session",
    loop_scope="session",
    params=[pytest.param("namespace"), pytest.param("docker", marks=pytest.mark.docker)],
)
async def generous(
    request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SandboxFactory]:
    asked = ["tiny", "impostor>=1", "numpy"]
    made = make_factory(request.param, slots=1, run_id="tests", limits=QUICK, packages=asked, wheelhouse=str(source))
    path = environment.ensure_environment().path
    with pytest.MonkeyPatch.context() as patch:  # wheels into a cache of the tests, but for the usual environment
        patch.setenv(environment.VARIABLE, str(path))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened(generous: SandboxFactory) -> AsyncIterator[Sandbox]:
    made = await generous.create()
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def allowing(opened: Sandbox) -> AsyncIterator[Sandbox]:
    yield opened
    await opened.reset()


async def shell(sandbox: Sandbox, code: str) -> CellResult:
    return await sandbox.run(Cell(code, "shell", QUICK))


async def python(sandbox: Sandbox, code: str) -> CellResult:
    return await sandbox.run(Cell(code, limits=QUICK))


@pytest.mark.parametrize(
    "command", ["pip install tiny", "pip3 -q install -U tiny==1.0", "python -m pip install --user tiny"]
)
async def test_off_unless_allowed(run, command):
    result = await run(command, language="shell")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(OFF)
    assert "tiny" in result.stderr
    assert result.stderr.count("\n") == 1


async def test_off_from_python_and_with_nothing_left_behind(run):
    code = "import os, subprocess, sys\n"
    code += "done = subprocess.run([sys.executable, '-m', 'pip', 'install', 'tiny'], capture_output=True, text=True)\n"
    code += "answer = [done.returncode, done.stderr[:34], os.listdir('/work')]"
    assert (await run(code)).answer == [1, OFF[:34], []]


async def test_what_is_there_is_no_refusal_and_the_rest_of_pip_works(run):
    result = await run("pip install numpy 'pandas>=2' && pip list && pip show scipy && pip --version", language="shell")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Requirement already satisfied: numpy pandas>=2\n")
    assert "scikit-learn" in result.stdout
    assert "Name: scipy" in result.stdout
    result = await run("pip install numpy==2.0", language="shell")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"{OFF}numpy==2.0 cannot be installed, only numpy==1." in result.stderr
    result = await run("pip download tiny", language="shell")
    assert (result.exit_code, result.stderr) == (1, "pip download is off in this sandbox: there is no network\n")


async def test_installed_for_the_episode_and_not_longer(allowing):
    result = await shell(allowing, "pip install tiny && python -c 'import tiny; print(tiny.VALUE)' && tiny-says")
    assert result.exit_code == 0, result.stderr
    assert "Successfully installed tiny-1.0 tiny-needs-1.5" in result.stdout
    assert result.stdout.endswith("7\ntiny 7\n")
    assert (await python(allowing, "import tiny\nanswer = tiny.VALUE")).answer == 7
    assert "tiny-needs" in (await shell(allowing, "pip list")).stdout
    assert (await shell(allowing, "pip install tiny")).stdout == "Requirement already satisfied: tiny\n"
    await allowing.reset()
    assert (await shell(allowing, "ls -A /work/.packages; python -c 'import tiny'")).exit_code == 1
    gone = await python(
        allowing, "import importlib.util, os\nanswer = [importlib.util.find_spec('tiny'), os.listdir()]"
    )
    assert gone.answer == [None, [".packages"]]


async def test_a_cell_that_lacks_something_can_install_it_and_go_on(allowing):
    code = "try:\n    import tiny\nexcept ImportError:\n    import subprocess, sys\n"
    code += "    subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', 'tiny'], check=True)\n    import tiny\n"
    result = await python(allowing, f"{code}answer = tiny.VALUE")
    assert (result.answer, result.stdout) == (7, ""), result.stderr
    await allowing.reset()
    result = await shell(allowing, f'cat > try.py <<"E"\n{code}\nprint(tiny.VALUE)\nE\npython try.py')
    assert result.stdout == "7\n", result.stderr


async def test_a_file_of_requirements(allowing):
    await allowing.put({"wanted.txt": b"# for this\n-i https://index.invalid\ntiny  # small\nnumpy\n\n"})
    assert "Successfully installed tiny-1.0" in (await shell(allowing, "pip install -r wanted.txt")).stdout
    await allowing.put({"wanted.txt": b"tiny\nflask\n"})
    assert "flask cannot be installed; allowed" in (await shell(allowing, "pip install -r wanted.txt")).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("flask", "flask cannot be installed"),
        ("tiny flask", "flask cannot be installed"),
        ("not-asked-for", "not-asked-for cannot be installed"),
        ("tiny==2.0", "tiny==2.0 cannot be installed, only tiny==1.0"),
        ("-U numpy==99.0", "numpy==99.0 cannot be installed, only numpy==1."),
        ("git+https://host.invalid/x", "'git+https://host.invalid/x' is no NAME or NAME==VERSION"),
        ("'tiny @ file:///opt/wheels/tiny-1.0-py3-none-any.whl'", "is no NAME or NAME==VERSION"),
        ("/opt/wheels/tiny-1.0-py3-none-any.whl", "is no NAME or NAME==VERSION"),
        (".", "'.' is no NAME or NAME==VERSION"),
        ("-e .", "unrecognized arguments: -e"),
        ("-t /tmp tiny", "unrecognized arguments: -t"),
        ("-r nowhere.txt", "No such file or directory: 'nowhere.txt'"),
        ("", "no NAME is given"),
    ],
)
async def test_refusals_are_one_line_that_names_what_is_allowed(allowing, arguments, told):
    result = await shell(allowing, f"pip install {arguments}")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("pip install: ")
    assert told in result.stderr
    assert result.stderr.endswith(f"; {ALLOWED}\n")


async def test_nothing_stands_before_what_is_there(allowing):
    result = await shell(allowing, "pip install -U numpy && pip install --force-reinstall impostor")
    assert result.exit_code == 0, result.stderr
    show = "import impostor, json, numpy, pandas\nshown = [m.__version__ for m in (json, numpy, pandas)]\n"
    versions = (await python(allowing, f"{show}answer = shown")).answer
    assert "false" not in versions
    await allowing.put({"show.py": f"{show}print(*shown)".encode()})
    assert (await shell(allowing, "python show.py")).stdout.split() == versions


async def test_what_was_allowed_is_recorded(generous):
    provenance = generous.provenance()
    assert provenance["packages"] == "impostor==1.0 tiny==1.0 tiny-needs==1.5"
    assert len(provenance["packages_digest"]) == 16


def test_the_command_and_the_supervisor_mean_the_same_directory():
    assert pip.PREFIX == settings.PACKAGES
    assert settings.PACKAGES.startswith("/work/")
    assert f"{pip.PREFIX}/lib/python" in image.image_file("packages.pth")


# From here on without a sandbox: what the host makes of the configuration.


def answers(**changes: object) -> str:
    """What a sandbox's Python says of itself."""
    markers = {
        "implementation_name": "cpython", "implementation_version": platform.python_version(), "os_name": "posix",
        "platform_machine": platform.machine(), "platform_python_implementation": "CPython", "platform_release": "6",
        "platform_system": "Linux", "platform_version": "1", "python_full_version": platform.python_version(),
        "python_version": sysconfig.get_python_version(), "sys_platform": "linux",
    }  # fmt: skip
    said = {"glibc": "2.36", "installer": True, "installed": {"numpy": "1.26.4"}, "markers": markers}
    if "python_version" in changes:
        version = str(changes.pop("python_version"))
        markers |= {"python_version": version, "python_full_version": f"{version}.1"}
    return json.dumps(said | changes)


@pytest.fixture
def fetch(monkeypatch, tmp_path):
    """Fetches packages for a Python, and counts how often that is asked for what it is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def fetcher(
        *requirements: str, wheelhouse: Path | None = None, index_url: str | None = None, **target: object
    ) -> Wheelhouse:
        def ask(program: str) -> str:
            fetcher.asked += 1
            return answers(**target)

        packages = Packages(requirements, str(wheelhouse) if wheelhouse else None, index_url)
        packages.check()
        return ensure_wheelhouse(packages, "environment", ask)

    fetcher.asked = 0
    return fetcher


def test_fetched_once_and_again_when_the_source_changes(fetch, source, tmp_path):
    first = fetch("tiny", wheelhouse=source)
    assert first.versions == {"tiny": "1.0", "tiny-needs": "1.5"}
    assert sorted(path.suffix for path in first.path.iterdir()) == ["", ".json", ".whl", ".whl"]
    assert fetch("tiny", wheelhouse=source) == first
    assert fetch.asked == 1
    assert fetch("tiny", "numpy>1", wheelhouse=source).versions == first.versions
    own = tmp_path / "own"
    own.mkdir()
    for name in ("tiny", "tiny-needs"):
        make_wheel(own, name, "1.5", {})
    assert fetch("tiny", wheelhouse=own).versions == {"tiny": "1.5"}
    assert not list((tmp_path / "cache/medgym_ray").glob("*.*/"))


def test_setuptools_can_be_imported_after_it(source, tmp_path):
    """Its finder of distutils gives up for good once it is asked for pip, and torch's extensions import setuptools."""
    program = """
import sys
from medgym_ray.sandboxes.packages import Packages
from medgym_ray.sandboxes.wheelhouse import ensure_wheelhouse
ensure_wheelhouse(Packages(("tiny",), sys.argv[1], None), "environment", lambda program: sys.argv[2])
import setuptools
"""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", program, str(source), answers()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_everyone_can_read_it(fetch, source):
    before = os.umask(0o077)
    try:
        path = fetch("tiny", wheelhouse=source).path
    finally:
        os.umask(before)
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in (path, *path.iterdir()))


def test_markers_are_those_of_the_sandbox_s_python(fetch, tmp_path):
    own, other = tmp_path / "own", f"3.{sys.version_info[1] + 1}"
    own.mkdir()
    needs = (f"later; python_version >= '{other}'", f"earlier; python_version < '{other}'", "never; extra == 'x'")
    make_wheel(own, "chosen", "1.0", {}, needs)
    make_wheel(own, "later", "1.0", {}, ("last",))
    for name in ("earlier", "never", "last"):
        make_wheel(own, name, "1.0", {})
    assert set(fetch("chosen", wheelhouse=own).versions) == {"chosen", "earlier"}
    assert set(fetch("chosen[x]", wheelhouse=own, python_version=other).versions) == {
        "chosen",
        "later",
        "last",
        "never",
    }


def test_wheels_are_chosen_for_the_sandbox_s_machine(fetch, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    plain = make_wheel(own, "native", "1.0", {})
    for tag in ("cp312-cp312-manylinux_2_28_aarch64", "cp312-cp312-manylinux_2_39_aarch64", "cp311-cp311-win_amd64"):
        (own / f"native-1.0-{tag}.whl").write_bytes(plain.read_bytes())
    plain.unlink()
    found = fetch(
        "native",
        wheelhouse=own,
        python_version="3.12",
        markers=json.loads(answers(python_version="3.12"))["markers"] | {"platform_machine": "aarch64"},
    )
    assert [path.name for path in found.path.glob("*.whl")] == ["native-1.0-cp312-cp312-manylinux_2_28_aarch64.whl"]


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_bad_sources_are_one_line(fetch, source, tmp_path, monkeypatch):
    with pytest.raises(
        SandboxError, match=r"sandbox\.wheelhouse=/not/there: No such file or directory on this machine"
    ):
        fetch("tiny", wheelhouse=Path("/not/there"))
    with pytest.raises(SandboxError, match=r"there is no wheel \(\*\.whl\) in it"):
        fetch("tiny", wheelhouse=tmp_path)
    with pytest.raises(SandboxError, match="has no wheel of no-such-name for Python 3") as caught:
        fetch("tiny", "no-such-name", wheelhouse=source)
    assert str(source) in one_line(caught)
    with pytest.raises(SandboxError, match="has no wheel of tiny==7 "):
        fetch("tiny==7", wheelhouse=source)
    with pytest.raises(
        SandboxError, match=r"127\.0\.0\.1:9/simple does not answer; give sandbox.index_url=URL, or"
    ) as caught:
        fetch("tiny", index_url="http://127.0.0.1:9/simple")
    one_line(caught)
    with pytest.raises(SandboxError, match="which has no installer: leave out"):
        fetch("tiny", wheelhouse=source, installer=False)
    monkeypatch.setattr(resolver, "PathFinder", types.SimpleNamespace(find_spec=lambda name: None))
    with pytest.raises(SandboxError, match=r"needs pip in the Python that runs this: .* -m ensurepip"):
        fetch("tiny", wheelhouse=source)
    assert not list((tmp_path / "cache/medgym_ray").glob("wheels-*/"))


def test_sources_only_are_no_wheel(fetch, tmp_path):
    index = tmp_path / "index/onlysource"
    index.mkdir(parents=True)
    (index / "onlysource-1.0.tar.gz").write_bytes(b"")
    (index / "index.html").write_text('<a href="onlysource-1.0.tar.gz">onlysource-1.0.tar.gz</a>')
    with pytest.raises(
        SandboxError, match=r"has no wheel of onlysource for .*\(no such name or version, or only sources\)"
    ):
        fetch("onlysource", index_url=index.parent.as_uri())


def test_what_does_not_go_with_the_sandbox_is_said(fetch, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    make_wheel(own, "modern", "1.0", {}, ("numpy>=2",))
    make_wheel(own, "numpy", "2.0", {})
    with pytest.raises(
        SandboxError, match=r"do not go together, or not with what is in the sandbox \(.*numpy"
    ) as caught:
        fetch("modern", wheelhouse=own)
    one_line(caught)


@pytest.mark.parametrize(
    ("packages", "error"),
    [
        (Packages(("tiny", "--pre")), "'--pre' is not a NAME"),
        (Packages(("tiny @ https://host.invalid/x",)), "is not a NAME"),
        (Packages(("./x.whl",)), "is not a NAME"),
        (Packages((), wheelhouse="/wheels"), "sandbox.wheelhouse without packages"),
        (Packages(("tiny",), "/wheels", "https://host.invalid"), "leave out the other"),
        (Packages(("tiny",), "wheels"), "give the whole path"),
        (Packages(("tiny",), index_url="host.invalid"), "give a URL"),
        (Packages(("tiny",), index_url="https://me:secret@host.invalid/simple"), "holds a user or password"),
    ],
)
def test_what_cannot_be_meant(packages, error):
    with pytest.raises(ConfigError, match=error) as caught:
        packages.check()
    assert "secret" not in one_line(caught)
    sandbox = SandboxConfig("namespace", packages=list(packages.requirements))
    sandbox.wheelhouse, sandbox.index_url = packages.wheelhouse, packages.index_url
    with pytest.raises(ConfigError, match=error):
        validate(GenerateConfig(model=ModelConfig("oracle", "oracle"), sandbox=sandbox))
    with pytest.raises(ConfigError, match=error):
        make_factory(
            "namespace",
            slots=1,
            run_id="r",
            packages=packages.requirements,
            wheelhouse=packages.wheelhouse,
            index_url=packages.index_url,
        )
