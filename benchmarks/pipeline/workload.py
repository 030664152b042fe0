"""The episode that everybody plays: a program that fails, its repair, an answer. Three turns, two executions."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Profile:
    """The two programs of an episode."""

    name: str
    wrong: str
    right: str


TRIVIAL = Profile(
    "trivial", "dose = weight * 2\nprint(dose)\n", "weight = 70\ndose = weight * 2\nprint(dose)\nanswer = dose\n"
)
_FRAME = """\
import pandas as pd
visits = pd.DataFrame({"ward": ["a", "b", "a", "c"] * 50, "hours": range(200)})
"""
PANDAS = Profile(
    "pandas",
    _FRAME + 'print(visits.groupby("unit").hours.mean())\n',
    _FRAME + 'means = visits.groupby("ward").hours.mean()\nprint(means)\nanswer = float(means["a"])\n',
)
PROFILES = {profile.name: profile for profile in (TRIVIAL, PANDAS)}
ANSWER = 140
TURNS, EXECUTIONS = 3, 2


def replies(profile: Profile) -> list[str]:
    """What our agent says, turn by turn."""
    actions = [
        {"action": "code_execution", "params": {"code": profile.wrong}},
        {"action": "code_execution", "params": {"code": profile.right}},
        {"action": "submit", "params": {"answer": ANSWER}},
    ]
    return [f"I go on.\n```json\n{json.dumps(action)}\n```" for action in actions]


def answer_only() -> list[str]:
    """A single turn that costs no sandbox: what is left is the pipeline itself."""
    return replies(TRIVIAL)[-1:]


def write_replies(path: Path, spoken: list[str]) -> Path:
    """A file for `model.path`, the same for every task."""
    path.write_text(json.dumps({"task_id": "*", "replies": spoken}) + "\n", encoding="utf-8")
    return path
