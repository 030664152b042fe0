"""Files into and out of the cell's directories, done by a child that has the cell's rights and no others."""

import base64
import contextlib
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from . import cell
from .settings import Settings

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WIPE_ROUNDS = 3
_MOST_GLANCED = 64


class PathError(ValueError):
    """A path that does not lie below the working directory."""


def parts_of(path: str) -> tuple[str, ...]:
    """The components of a relative path; PathError where it could lead elsewhere."""
    pure = PurePosixPath(path)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise PathError(f"not a path below the working directory: {path!r}")
    return pure.parts


def put(settings: Settings, files: Sequence[dict[str, Any]]) -> str | None:
    """Writes files; gives back what went wrong, if anything did."""

    def write() -> None:
        for file in files:
            _write_file(settings.work, parts_of(file["path"]), base64.b64decode(file["data"]), bool(file["append"]))

    return _as_cell(settings, write)


def clear_own(settings: Settings) -> None:
    """Removes what the warm-up has left (caches); no cell has run yet, and cells could not remove it."""
    for path in settings.scratch:
        if os.path.isdir(path):  # noqa: PTH112
            _clear(path)


def reopen(settings: Settings) -> None:
    """Makes the directories usable again, of which a cell of the same user may have locked the door."""
    for path in settings.scratch:
        with contextlib.suppress(OSError):
            os.chmod(path, 0o1777)  # noqa: PTH101 - on the hot path


def wipe(settings: Settings) -> str | None:
    """Empties every directory a cell can write to; gives back what is left, if anything is."""
    directories = [path for path in settings.scratch if os.path.isdir(path)]  # noqa: PTH112
    problem = None
    if not all(_unlink_plain(path) for path in directories):

        def clear() -> None:
            for path in directories:
                for _ in range(_WIPE_ROUNDS):
                    _clear(path)

        problem = _as_cell(settings, clear)
    left = [path for path in directories if os.listdir(path)]  # noqa: PTH208
    return f"left in {', '.join(left)}: {problem}" if left else None


Glance = list[tuple[str, int, int, int, int]]


def glance(settings: Settings) -> Glance | None:
    """What lies in the directories a cell can write to, for comparing; None where that would mean to look deeper."""
    seen: Glance = []
    for path in settings.scratch:
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if not stat.S_ISREG(found.st_mode) or len(seen) == _MOST_GLANCED:
                        return None
                    seen.append((entry.path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
        except FileNotFoundError:  # gVisor's containers lack some
            continue
        except OSError:  # a cell has locked the door
            return None
    return sorted(seen)


def _unlink_plain(root: str) -> bool:
    """Removes what is no directory, which the owner of `root` may; whether that was all. Mostly it is."""
    top = os.open(root, _DIRECTORY)
    try:
        names = os.listdir(top)  # noqa: PTH208 - of a descriptor
        for name in names:
            os.unlink(name, dir_fd=top)
    except OSError:
        return False
    finally:
        os.close(top)
    return True


def _write_file(root: str, parts: tuple[str, ...], data: bytes, append: bool) -> None:
    directory = os.open(root, _DIRECTORY)
    for part in parts[:-1]:
        try:
            below = os.open(part, _DIRECTORY, dir_fd=directory)
        except FileNotFoundError:
            os.mkdir(part, 0o755, dir_fd=directory)
            below = os.open(part, _DIRECTORY, dir_fd=directory)
        if not stat.S_ISDIR(os.lstat(part, dir_fd=directory).st_mode):  # gVisor follows links here all the same
            raise NotADirectoryError(f"not a directory: {part!r}")
        os.close(directory)
        directory = below
    mode = os.O_APPEND if append else os.O_TRUNC
    # Not through a link, and not into a waiting fifo, that an earlier cell may have left under this name.
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | mode
    fd = os.open(parts[-1], flags, 0o644, dir_fd=directory)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.close(fd)
    os.close(directory)


def _clear(root: str) -> None:
    """Removes all below `root`. Flattens as it goes: a tree of any depth needs one descriptor and no recursion."""
    top = os.open(root, _DIRECTORY)
    serial = 0
    todo = os.listdir(top)  # noqa: PTH208 - of a descriptor
    while todo:
        name = todo.pop()
        try:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
                os.unlink(name, dir_fd=top)
                continue
            os.chmod(name, 0o700, dir_fd=top)
            inner = os.open(name, _DIRECTORY, dir_fd=top)
        except OSError:
            continue  # what is left is seen at the end
        for child in os.listdir(inner):  # noqa: PTH208 - of a descriptor
            try:
                if not stat.S_ISDIR(os.lstat(child, dir_fd=inner).st_mode):
                    os.unlink(child, dir_fd=inner)
                    continue
                serial += 1
                fresh = f".wipe-{os.getpid()}-{serial}"
                os.chmod(child, 0o700, dir_fd=inner)
                os.rename(child, fresh, src_dir_fd=inner, dst_dir_fd=top)
                todo.append(fresh)
            except OSError:
                continue
        os.close(inner)
        try:
            os.rmdir(name, dir_fd=top)
        except OSError:
            continue
    os.close(top)


def _as_cell(settings: Settings, action: Callable[[], None]) -> str | None:
    """Runs `action` in a child with the cell's rights; gives back the message of its failure."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            cell.become_cell(settings)
            action()
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:2000])
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:  # noqa: PTH123
        problem = answer.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    return problem or (f"ended with wait status {status}" if status else None)
