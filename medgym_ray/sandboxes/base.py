"""What a sandbox is: a place that runs cells of hostile code and says truthfully what they did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from medgym_ray.services import Service

PREIMPORT = ("numpy", "pandas", "scipy.stats", "sklearn.linear_model", "sqlite3")
"""What is warm in every cell unless the configuration says otherwise."""


@dataclass(slots=True)
class Limits:
    """What one cell may use. CPU time is the main limit; wall clock is the backstop on a busy machine."""

    cpu_s: float = 20.0
    wall_s: float = 60.0
    memory_mb: int = 1024
    processes: int = 64
    file_mb: int = 128
    output_bytes: int = 65_536
    """Kept per stream (head and tail); what lies between is counted and dropped."""
    answer_bytes: int = 4 * 1024 * 1024
    """Cap of the serialised `answer`."""


class CellStatus(StrEnum):
    """How a cell ended."""

    OK = "ok"
    ERROR = "error"  # the program failed by itself: exception or exit status other than 0
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output_limit"
    MEMORY_LIMIT = "memory_limit"
    KILLED = "killed"  # a signal the supervisor did not send


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of code to run in a fresh process of the sandbox.

    With `debug`, an exception is followed on stderr by the failing line of the cell and the values of the names in
    that frame.
    """

    code: str
    language: Literal["python", "shell"] = "python"
    limits: Limits = field(default_factory=Limits)
    debug: bool = False
    epilogue: str | None = None
    """Hidden tests (asserts), for Python: run after the code, in its namespace, with builtins restored; they are
    delivered only then, within the same limits. To be used where no data could be compared outside, for
    code that shares a process with its tests can forge their verdict."""
    service: Service | None = None
    """What the code reaches at http://localhost:8080."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a cell did, as seen by the supervisor (never as claimed by the cell, `answer` aside).

    `answer` is the cell's variable of that name as typed JSON (see `scoring.canonical`), carried on a channel other
    than stdout; `answer_error` says why a value that was set could not be carried. `epilogue_passed` is None where no
    epilogue was asked for or the code did not get that far. Times in milliseconds.
    """

    status: CellStatus
    exit_code: int
    stdout: str
    stderr: str
    truncated: bool = False
    has_answer: bool = False
    answer: Any = None
    answer_error: str | None = None
    epilogue_passed: bool | None = None
    epilogue_error: str | None = None
    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    max_rss_kb: int = 0
    untouched: bool = False
    """Whether the sandbox holds what was put into it and nothing else: the next cell could as well run in another."""


class Sandbox(Protocol):
    """One isolated working directory and the processes in it. Not safe for concurrent cells."""

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Writes files, by path relative to the working directory. Raises SandboxError."""
        ...

    async def run(self, cell: Cell) -> CellResult:
        """Runs a cell to its end. Raises SandboxError where the sandbox itself was lost."""
        ...

    async def reset(self) -> None:
        """Between episodes: no process, file or byte survives. Raises SandboxError."""
        ...

    async def close(self) -> None:
        """Ends every process and frees everything; safe to call twice."""
        ...

    def alive(self) -> bool:
        """Whether its supervisor still holds the line, as far as can be told without asking it."""
        ...


class SandboxFactory(Protocol):
    """Makes sandboxes of one kind; owns what they share (fork master, image, cached environment)."""

    slow_start: bool
    """Whether a sandbox takes seconds to make, so that they are better made ahead of need."""

    async def start(self) -> None:
        """Gets ready; raises SandboxError with one line that says what is missing and what to do."""
        ...

    async def create(self) -> Sandbox:
        """A sandbox that is ready for its first cell. Raises SandboxError."""
        ...

    async def close(self) -> None:
        """Closes every sandbox made and what they shared."""
        ...

    def provenance(self) -> dict[str, str]:
        """What ran the cells: kind, image digest or environment hash, guarantees; goes into the record."""
        ...
