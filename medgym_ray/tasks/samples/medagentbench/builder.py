"""Writes the server's resources and the task files, byte for byte the same for the same seed."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from medgym_ray.tasks.medagentbench.documentation import ANSWERS, FHIR
from medgym_ray.tasks.medagentbench.problem import KINDS, Kind
from medgym_ray.tasks.samples.medagentbench.cases import MAKERS, Case, other_courses
from medgym_ray.tasks.samples.medagentbench.courses import LABS, background, blood_pressures, observations
from medgym_ray.tasks.samples.medagentbench.patients import Person, patient_resource, people

_PATIENTS: Final = 100
_NUMBERS: Final = {"test": range(6), "train": range(6, 9)}
"""Of each type's nine cases, those of a split."""
_ATTEMPTS: Final = 200
_SHARED: Final = 2
"""How many tasks may have the same answer; "nothing measured" aside, which is not drawn."""


def build(root: Path, seed: int) -> None:
    """Writes `root/medagentbench/{test,train}_tasks.jsonl` and `fhir.ndjson`."""
    folder = root / "medagentbench"
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"medagentbench/{seed}")
    everybody = people(rng, _PATIENTS)
    cases = _cases(rng, everybody)
    for split, numbers in _NUMBERS.items():
        records = [_record(kind, number, cases[kind, number]) for kind in KINDS for number in numbers]
        _write(folder / f"{split}_tasks.jsonl", records)
    _write(folder / "fhir.ndjson", _resources(rng, everybody, list(cases.values())))


def _cases(rng: random.Random, everybody: list[Person]) -> dict[tuple[Kind, int], Case]:
    """Every case is about a patient of its own."""
    waiting = rng.sample(everybody, len(everybody))
    cases = {}
    used: Counter[str] = Counter()
    for kind in KINDS:
        for number in (number for numbers in _NUMBERS.values() for number in numbers):
            person = waiting.pop()
            for _ in range(_ATTEMPTS):
                case = MAKERS[kind](rng, number, person, everybody)
                spelled = json.dumps(case.answer)
                if case.answer in (None, -1, [-1]) or (used[spelled] < _SHARED and not _is_given_away(kind, case)):
                    break
                if kind == "patient_age":  # another person is of another age
                    waiting.insert(0, person)
                    person = waiting.pop()
            else:
                raise RuntimeError(f"no usable {kind} case in {_ATTEMPTS} drafts")
            used[spelled] += 1
            cases[kind, number] = case
    return cases


def _is_given_away(kind: Kind, case: Case) -> bool:
    """Whether the prompt prints the number that is sought."""
    value = case.answer[0] if isinstance(case.answer, list) else case.answer
    text = f"{case.instruction} {case.context} {FHIR} {ANSWERS[kind]}"
    printed = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
    return isinstance(value, int | float) and float(value) in printed


def _record(kind: Kind, number: int, case: Case) -> dict[str, Any]:
    return {
        "id": f"task{KINDS.index(kind) + 1}_{number + 1}",
        "instruction": case.instruction,
        "context": case.context,
        "sol": None if case.answer is None else _listed(case.answer),
        "eval_MRN": case.mrn,
        "parameters": case.parameters,
    }


def _listed(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _resources(rng: random.Random, everybody: list[Person], cases: list[Case]) -> Iterable[Mapping[str, Any]]:
    """All resources in a random order, so that the first of a search is not the oldest, nor the last the newest."""
    placed = {case.mrn: case.courses for case in cases}
    loose: list[dict[str, Any]] = []
    patients = []
    for person in everybody:
        patients.append(patient_resource(person, rng))
        courses = {**other_courses(rng), **placed.get(person.mrn, {})}
        for code in LABS:
            loose += observations(person.mrn, code, courses[code], rng)
        loose += blood_pressures(person.mrn, rng)
        loose += background(person.mrn, rng)
    rng.shuffle(loose)
    yield from patients
    for number, resource in enumerate(loose, start=1):
        yield {"resourceType": resource["resourceType"], "id": f"{number:05}", **resource}


def _write(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")
