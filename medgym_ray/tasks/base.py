"""What a task family is: where its tasks come from, what the agent sees, and what a true reward is."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from medgym_ray.actions import Action, ActionKind
from medgym_ray.paths import sample_dir
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.services import Service

Split = Literal["train", "test"]
Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as plain text."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Task:
    """One problem. `inputs` is what agent and sandbox may see; `gold` never enters a sandbox, prompt or log.

    Both hold JSON values only, so that a task crosses processes and can be hashed.
    """

    task_id: str
    """`<family>/<id>`"""
    family: str
    category: str
    split: Split
    inputs: Mapping[str, Any]
    gold: Mapping[str, Any] = field(repr=False)
    source_sha256: str
    """sha256 of the record the task was made from."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the sandbox gets before the first turn: small files by path relative to the working directory."""

    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submission:
    """What an execution hands in for grading. `answer` is typed JSON; stdout and stderr serve only the paper's rule."""

    answer: Any = None
    has_answer: bool = False
    code: str | None = None
    stdout: str = ""
    stderr: str = ""
    ran: bool = True
    """False where the code ended in an error, a limit or a signal."""
    writes: Sequence[Mapping[str, Any]] = ()
    """What the episode's service has accepted up to now: see `Service.log`."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What the working directory held at the end under the names that `Family.collects` gives."""


@dataclass(frozen=True, slots=True)
class Score:
    """The true reward in [0, 1], why, and beside it what the original's published rule would have paid."""

    reward: float
    success: bool
    reason: str
    reward_paper: float | None = None


@dataclass(slots=True)
class LoadReport:
    """What a loader could not use: broken records (file:line and why) and tasks dropped with a reason."""

    broken: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)

    def record_broken(self, path: Path, line: int, why: str) -> None:
        """Counts one unreadable record."""
        self.broken.append(f"{path}:{line}: {why}")

    def task_dropped(self, task_id: str, why: str) -> None:
        """Counts one task that is left out on purpose (untrusted or contradictory gold, …)."""
        self.dropped[task_id] = why


class Family(Protocol):
    """A task family. Implementations subclass it explicitly and inherit the defaults given here."""

    name: str
    licence: str
    """`open`, `physionet-1.5.0`, `stanford-ehrshot`, or another's own."""
    restricted: bool
    categories: tuple[str, ...]
    actions: frozenset[ActionKind]
    collects: tuple[str, ...] = ()
    """Files that a submission may leave in the working directory, by relative path."""
    scorer_version: str
    revealed_by: frozenset[str] = frozenset()
    """Families whose tables, being of the same patients, tell this one's gold. All tables of a run lie in every
    sandbox, so they never share a run."""
    paper_sizes: Mapping[Split, int] = MappingProxyType({})
    """Tasks in the paper's full set, for `doctor`; empty where the paper has no such family."""

    def sample_root(self) -> Path:
        """What stands for `root` where `tasks.root` is unset. Another package's family may bring its own."""
        return sample_dir()

    @abstractmethod
    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """Streams the tasks under `root/<name>/` in file order; what can't be used goes to the report.

        Raises TaskError where the file of that split is missing or unreadable.
        """
        ...

    def prepare(self, task: Task) -> Workspace:
        """Files the sandbox gets; never gold."""
        return Workspace()

    def service(self, task: Task) -> Service | None:
        """A service of the episode's own, where the task needs one."""
        return None

    def tables(self, root: Path) -> Mapping[str, Path]:
        """Data that cells may read and `request_info` searches: absolute path in the sandbox → file or directory.

        They are mounted read-only once per node, so nothing in them may be gold: where tables lie beside task files,
        name each table.
        """
        return {}

    @abstractmethod
    def prompt(self, task: Task) -> str:
        """The task's own part of the first user message (the protocol's rules are added by `prompts`)."""
        ...

    async def vet(self, task: Task, grader: Sandbox) -> str | None:
        """A reason to drop the task in this environment (its gold does not run, or not twice alike), else None."""
        return None

    @abstractmethod
    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:
        """Grades once. `grader` is a sandbox that no agent code of this episode has run in. Raises SandboxError."""
        ...

    @abstractmethod
    def oracle(self, task: Task) -> list[Action] | None:
        """Gold actions, where a gold program or answer exists; the last one submits."""
        ...

    def honest(self, task: Task) -> Mapping[str, str]:
        """Programs, by name of the variant, that state or do what the gold does in other words: all must earn all."""
        return {}

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """Programs, by name of the fault, that come close to the gold and must earn nothing."""
        return {}

    @abstractmethod
    def cheats(self, task: Task) -> list[str]:
        """Programs to submit that must earn nothing (unless their constant happens to be the true answer)."""
        ...
