"""Arranges the warm interpreter's memory so that forks of it are cheap; nothing here changes what a cell can do.

A cell of a few milliseconds spends most of them in the kernel: copying mappings at the fork, copying each shared page
that it writes to, and taking everything apart at its end.
"""

import contextlib
import ctypes

from . import kernel

_HOLE_SIZES = (65_536, 16_384, 8_192, 4_096, 2_048, *range(1_024, 8, -16))


def settle() -> None:
    """To be called once everything is loaded."""
    _join_mappings()
    with contextlib.suppress(AttributeError):  # another C library than glibc: its allocator has other ways
        _fill_holes()


def _join_mappings() -> None:
    """Lets the kernel join neighbouring mappings of each library, by giving them the same protection.

    Some 250 libraries of five mappings each become two each. What is given up (constants become executable,
    relocations writable) protects nothing here: a cell runs native code as it likes.
    """
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        fields = [line.split(maxsplit=5) for line in maps]
    spans = [tuple(int(end, 16) for end in line[0].split("-")) for line in fields]
    paths = [line[5].strip() if len(line) == 6 else "" for line in fields]
    for number, ((start, end), path) in enumerate(zip(spans, paths, strict=True)):
        if fields[number][1] != "r--p" or ".so" not in path:
            continue
        after = number + 1
        is_relocated = after < len(fields) and (paths[after], fields[after][1], spans[after][0]) == (path, "rw-p", end)
        wanted = kernel.PROT_WRITE if is_relocated else kernel.PROT_EXEC
        with contextlib.suppress(OSError):
            kernel.protect(start, end - start, kernel.PROT_READ | wanted)


def _fill_holes() -> None:
    """Takes every free block that lies between what is in use, for good.

    What a fork allocates would fill them, scattered over the whole heap, and each would cost it the copy of a page;
    so it comes from the heap's end, densely.
    """
    libc = ctypes.PyDLL(None)
    malloc, sbrk, mallinfo = libc.malloc, libc.sbrk, libc.mallinfo2
    malloc.restype = sbrk.restype = ctypes.c_void_p
    malloc.argtypes, sbrk.argtypes, mallinfo.restype = [ctypes.c_size_t], [ctypes.c_ssize_t], _Statistics
    end = sbrk(0) - mallinfo().keepcost  # where the last free block begins, which has no neighbour in use after it
    for size in _HOLE_SIZES:
        while (malloc(size) or end) < end:
            pass


class _Statistics(ctypes.Structure):
    """struct mallinfo2."""

    _fields_ = [("others", ctypes.c_size_t * 9), ("keepcost", ctypes.c_size_t)]
