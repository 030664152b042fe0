"""What a supervisor can see of a cell from outside: its output, its processes' memory and processor time."""

import contextlib
import os
import time

_TICKS = os.sysconf("SC_CLK_TCK")
_PROCESS_CLOCK = 2  # clock_getcpuclockid(3): what this kernel makes of a process' number
_OOM_COUNTERS = ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events")


class Output:
    """One stream: its head and tail are kept, what lies between is counted."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._head_size = max(limit // 2, 1)
        self._tail_size = max(limit - self._head_size, 1)
        self._head = bytearray()
        self._tail = bytearray()

    def feed(self, data: bytes) -> None:
        """Takes what the cell wrote."""
        self.total += len(data)
        room = self._head_size - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 2 * self._tail_size:
            del self._tail[: -self._tail_size]

    @property
    def truncated(self) -> bool:
        """Whether anything was dropped."""
        return self.total > self._head_size + self._tail_size

    def text(self) -> str:
        """What was kept, with a note where something is missing."""
        if not self.truncated:
            return (self._head + self._tail).decode("utf-8", "replace")
        tail = self._tail[-self._tail_size :]
        dropped = self.total - len(self._head) - len(tail)
        head_text = self._head.decode("utf-8", "replace")
        return f"{head_text}\n[... {dropped} bytes not shown ...]\n{tail.decode('utf-8', 'replace')}"


def processes() -> list[int]:
    """Every process of this PID namespace."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - on the hot path


class Census:
    """Looks at every process but PID 1, the supervisor and what was there before."""

    def __init__(self, scratch: tuple[str, ...]) -> None:
        self._scratch = scratch
        self._own = {1, os.getpid()}
        self._files_before = self._files()
        self._kernel_before = _kernel_memory()

    def others(self) -> list[int]:
        """Every process that should not outlive a cell."""
        return [pid for pid in processes() if pid not in self._own]

    def cpu_seconds(self) -> float:
        """Processor time of the living, their reaped children included."""
        total = 0
        for pid in self.others():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - on the hot path
                    fields = stat.read().rpartition(b")")[2].split()
                total += sum(int(field) for field in fields[11:15])
        return total / _TICKS

    def memory_over(self, limit: int) -> bool:
        """Whether processes, new files and what gVisor's kernel has grown by take more than `limit` bytes. Cheap while
        they clearly do not."""
        files = max(self._files() - self._files_before, 0) + max(_kernel_memory() - self._kernel_before, 0)
        if files + sum(self._anonymous(pid) for pid in self.others()) <= limit:
            return False
        return files + sum(self._share(pid) for pid in self.others()) > limit

    def _files(self) -> int:
        used = 0
        for path in self._scratch:
            with contextlib.suppress(OSError):
                state = os.statvfs(path)
                used += (state.f_blocks - state.f_bfree) * state.f_frsize
        return used

    def _anonymous(self, pid: int) -> int:
        """Resident memory that is no file's: an upper bound, for pages that processes share count in each of them."""
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123
            lines = [line.split() for line in status if line.startswith((b"RssAnon:", b"RssShmem:", b"VmRSS:"))]
            sizes = {name: int(size) * 1024 for name, size, *_ in lines}
            if b"RssAnon:" in sizes:
                return sizes[b"RssAnon:"] + sizes.get(b"RssShmem:", 0)
            return sizes.get(b"VmRSS:", 0)  # gVisor tells no more
        return 0

    def _share(self, pid: int) -> int:
        """This process' share; where the kernel does not say, what it cannot have inherited from the supervisor."""
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:  # noqa: PTH123
            shares = [int(line.split()[1]) * 1024 for line in rollup if line.startswith((b"Pss_Anon:", b"Pss_Shmem:"))]
            if shares:
                return sum(shares)
        return max(self._anonymous(pid) - self._anonymous(os.getpid()), 0)


def _kernel_memory() -> int:
    """What gVisor's kernel, itself a process, holds for this sandbox: full pipes and sockets among others. Linux counts
    its own in the control group."""
    with contextlib.suppress(OSError, ValueError), open("/proc/sentry-meminfo", "rb") as info:  # noqa: PTH123
        for line in info:
            if line.startswith(b"Sys:"):
                return int(line.split()[1]) * 1024
    return 0


def usage(pid: int) -> tuple[float, int] | None:
    """Processor seconds (collected children included) and peak memory in KiB of a living process, if it says."""
    try:
        seconds = time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - on the hot path
            fields = stat.read().rpartition(b")")[2].split()
        with open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123
            peak = status.read().partition(b"VmHWM:")[2].split(maxsplit=1)[0]
        return seconds + (int(fields[13]) + int(fields[14])) / _TICKS, int(peak)
    except (OSError, ValueError, IndexError):
        return None


class OomKills:
    """How often the kernel has killed for memory in this container, where that can be seen from inside."""

    def __init__(self) -> None:
        self._counters = next((path for path in _OOM_COUNTERS if os.path.exists(path)), None)  # noqa: PTH110

    def count(self) -> int:
        """Until now; 0 where it can't be seen."""
        if self._counters is None:
            return 0
        with contextlib.suppress(OSError, ValueError), open(self._counters, "rb") as counters:  # noqa: PTH123
            for line in counters:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
        return 0
