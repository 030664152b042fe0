"""The steps of a loop: each is a command of this project, run once, whatever becomes of the loop around it."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medgym_ray.errors import ConfigError, ExportError, StepFailed, StorageError
from medgym_ray.sandboxes.supervisor import kernel

_LEDGER = "loop.jsonl"
_LOGS = "logs"


class Interrupted(Exception):
    """A command was interrupted, and so is the loop."""


@dataclass(frozen=True, slots=True)
class Step:
    """`python -m medgym_ray.COMMAND OVERRIDES`, which makes `made`."""

    name: str
    command: str
    overrides: tuple[str, ...]
    made: Path
    resumes: bool
    """Whether the command goes on with what it left; the others make their result whole or not at all."""

    @property
    def line(self) -> str:
        """What a user would type."""
        return shlex.join(["python", "-m", f"medgym_ray.{self.command}", *self.overrides])


class Steps:
    """The steps that were done in a directory, and those to do."""

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        """Raises StorageError where the ledger cannot be read."""
        self._root, self._tell = root, tell
        self._done = self._read()

    def do(self, step: Step) -> bool:
        """Runs a step unless it was; False where there was nothing to make it of. Raises StepFailed, Interrupted."""
        if (known := self._done.get(step.name)) is not None:
            line, code = known
            if line != step.line:
                raise ConfigError(f"{self._root / _LEDGER}: {step.name} was done by another command ({line})")
            return code == 0
        if not step.resumes:
            _remove(step.made)
        self._tell(f"{step.name}: {step.line}")
        began = time.monotonic()
        code, said = self._run(step)
        if code == 130:
            raise Interrupted
        if code not in (0, ExportError.exit_code):
            raise StepFailed(f"{step.name} ended with {code}: {said} (all it said: {self._log(step)})")
        seconds = time.monotonic() - began
        self._note(step, code, seconds, said)
        self._tell(f"{step.name}: {said} ({seconds:.0f} s)")
        return code == 0

    def _run(self, step: Step) -> tuple[int, str]:
        """Exit code, and the last line that the command printed: its result, or what was wrong."""
        log = self._log(step)
        log.parent.mkdir(parents=True, exist_ok=True)
        line = [sys.executable, "-m", f"medgym_ray.{step.command}", *step.overrides]
        with log.open("a", encoding="utf-8") as told:
            process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=told, text=True, preexec_fn=_end_with_us)
            try:
                out, _ = process.communicate()
            except KeyboardInterrupt:
                out, _ = process.communicate()  # it has the signal too, and ends in its own way
                raise Interrupted from None
            told.write(out)
        spoken = out if process.returncode == 0 else log.read_text(encoding="utf-8", errors="replace")
        lines = [text.strip() for text in spoken.splitlines() if text.strip()]
        wrong = [text for text in lines if text.startswith("medgym_ray: ")]
        return process.returncode, (wrong if process.returncode and wrong else lines or ["it said nothing"])[-1]

    def _log(self, step: Step) -> Path:
        return self._root / _LOGS / f"{step.name.replace('/', '-')}.log"

    def _note(self, step: Step, code: int, seconds: float, said: str) -> None:
        row = {"step": step.name, "command": step.line, "code": code, "seconds": round(seconds, 1), "said": said}
        try:
            with (self._root / _LEDGER).open("a", encoding="utf-8") as ledger:
                ledger.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StorageError(f"{self._root / _LEDGER}: {error.strerror}") from error
        self._done[step.name] = (step.line, code)

    def _read(self) -> dict[str, tuple[str, int]]:
        path = self._root / _LEDGER
        if not path.exists():
            return {}
        done = {}
        text = path.read_text(encoding="utf-8")
        whole = text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]
        path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")  # a crash may have cut the last one
        for number, line in enumerate(whole, 1):
            try:
                row = json.loads(line)
                done[str(row["step"])] = (str(row["command"]), int(row["code"]))
            except (ValueError, KeyError, TypeError) as error:
                raise StorageError(f"{path}:{number}: not a line of a loop; remove it") from error
        return done


def _end_with_us() -> None:
    """In the new process: a killed loop leaves no step behind, which would make what the next loop makes as well."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
