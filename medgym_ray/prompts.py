"""What the agent is told: the rules of an episode, and the observation of each action."""

from medgym_ray.sandboxes.base import CellResult, CellStatus
from medgym_ray.tables.requests import Reply
from medgym_ray.tasks.base import Message

_INTRODUCTION = "You solve biomedical tasks by writing Python."

_RULES = {
    "submit": "You may submit once: it ends the task and is graded.",
    "paper": "Every program of a code_execution is graded by its variable `answer`; the first right one ends the task.",
}

_COMMON = """Each program runs in a fresh process with numpy, pandas, scipy, statsmodels, scikit-learn, lifelines and \
Biopython; files in the working directory stay, variables do not. There is no network but what the task itself names. \
You have {max_turns} replies."""


def opening(task_prompt: str, format_rules: str, protocol: str, max_turns: int) -> list[Message]:
    """System and first user message of an episode; `format_rules` say what the agent can do, and how it says so."""
    rules = f"{_INTRODUCTION} {format_rules}\n{_COMMON.format(max_turns=max_turns)} {_RULES[protocol]}"
    return [Message("system", rules), Message("user", task_prompt)]


def cell_observation(result: CellResult) -> str:
    """What the agent sees of a cell."""
    parts = [f"[{_OUTCOMES[result.status]}, exit status {result.exit_code}]"]
    if result.stdout:
        parts.append(f"stdout:\n{result.stdout.rstrip()}")
    if result.stderr:
        parts.append(f"stderr:\n{result.stderr.rstrip()}")
    if not (result.stdout or result.stderr):
        parts.append("(no output)")
    if result.truncated:
        parts.append("(output was cut)")
    if result.answer_error:
        parts.append(f"(the variable `answer` could not be read: {result.answer_error})")
    return "\n".join(parts)


_OUTCOMES = {
    CellStatus.OK: "ok",
    CellStatus.ERROR: "error",
    CellStatus.TIMEOUT: "stopped: time limit",
    CellStatus.OUTPUT_LIMIT: "stopped: too much output",
    CellStatus.MEMORY_LIMIT: "stopped: memory limit",
    CellStatus.KILLED: "killed",
}

_HINTS = {
    "AttributeError": "the object has no such attribute; print its type and dir() first",
    "FileNotFoundError": "no such file; list the working directory first",
    "ImportError": "the package is not installed; there is no network to install it",
    "IndentationError": "indent each block consistently, with spaces only",
    "IndexError": "the position lies outside the sequence; check its length first",
    "KeyError": "the key or column is not there; print the keys or columns first",
    "MemoryError": "the data is too large at once; read or compute it in parts",
    "ModuleNotFoundError": "the package is not installed; there is no network to install it",
    "NameError": "the name was never set in this program; each program starts afresh",
    "SyntaxError": "the text is not valid Python at the line named",
    "TypeError": "an operation got a value of a type it cannot use; check the types shown",
    "ValueError": "the type is right but the value is not; check the values shown",
    "ZeroDivisionError": "a divisor is zero; check the values shown",
}


def debug_observation(result: CellResult, explanation: str | None = None) -> str:
    """What the agent sees of a program that was run again under the tracer; without `explanation` a rule gives one."""
    observation = cell_observation(result)
    if result.status is CellStatus.OK:
        return f"{observation}\nThe program ran without an error."
    if explanation:
        return f"{observation}\nExplanation: {explanation}"
    hint = next((hint for name, hint in _HINTS.items() if f"{name}:" in result.stderr), None)
    return f"{observation}\nExplanation: {hint}." if hint else observation


def info_observation(reply: Reply) -> str:
    """What the agent sees of a look into the tables."""
    cut = "\n(output was cut)" if reply.truncated else ""
    return f"[{'ok' if reply.ok else 'error'}]\n{reply.text}{cut}"


def parse_error_observation(message: str) -> str:
    """What the agent sees where its reply was no action."""
    return f"[no action was taken] {message}"
