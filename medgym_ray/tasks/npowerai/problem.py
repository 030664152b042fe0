"""A power or sample-size problem, read from the structured parameters of a record or from its question's wording."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard, get_args

Test = Literal["one_sample_t", "two_sample_t", "paired_t", "anova", "chi_square", "cox"]
Target = Literal["size", "power"]
TESTS: tuple[Test, ...] = get_args(Test)
TARGETS: tuple[Target, ...] = get_args(Target)

TASK_TYPES: Mapping[str, Test] = {
    "One-sample t-test": "one_sample_t",
    "Two independent samples t-test": "two_sample_t",
    "Paired t-test": "paired_t",
    "One-way ANOVA": "anova",
    "Chi-square test of independence": "chi_square",
    "Cox proportional-hazards model": "cox",
}
"""The names in the files."""

FIELDS: Mapping[Test, tuple[str, ...]] = {
    "one_sample_t": ("null_mean", "mean", "sd"),
    "two_sample_t": ("difference", "sd_1", "sd_2"),
    "paired_t": ("difference", "sd"),
    "anova": ("means", "sd", "means_ddof"),
    "chi_square": ("proportions",),
    "cox": ("failure_1", "failure_2", "hazard_ratio", "formula"),
}
"""The effect of each test. `sd` of a paired test is that of the differences."""

FORMULAS = ("freedman", "schoenfeld")
_FEWEST = {"two_sample_t": 2, "paired_t": 2, "one_sample_t": 2, "anova": 2}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: `given` is the size (the power sought) or the power (the size sought).

    Sizes are totals for one-sample, paired (pairs) and chi-square tests, and per group for the others.
    """

    test: Test
    target: Target
    effect: Mapping[str, Any]
    alpha: float
    sides: int
    given: float

    def parameters(self) -> dict[str, Any]:
        """As stored in a record; `from_parameters` reads it back."""
        known = "n" if self.target == "power" else "power"
        return {**self.effect, "alpha": self.alpha, "sides": self.sides, known: self.given}


def from_parameters(test: Test, target: Target, parameters: Mapping[str, Any]) -> Problem:
    """The problem that a record states in its field `parameters`. Raises ValueError that says what is wrong."""
    known = "n" if target == "power" else "power"
    expected = {*FIELDS[test], "alpha", "sides", known}
    if parameters.keys() != expected:
        raise ValueError(f"parameters are {sorted(parameters)}, not {sorted(expected)}")
    for name in expected - {"means", "proportions", "formula"}:
        if not _is_number(parameters[name]):
            raise ValueError(f"parameter {name} is no number")
    effect = {name: parameters[name] for name in FIELDS[test]}
    problem = Problem(test, target, effect, parameters["alpha"], parameters["sides"], parameters[known])
    _check(problem)
    return problem


def _check(problem: Problem) -> None:
    effect = problem.effect
    checks = [
        (0 < problem.alpha < 1, "alpha lies outside (0, 1)"),
        (problem.sides in {1, 2}, "sides is neither 1 nor 2"),
        (all(effect[name] > 0 for name in effect if name.startswith("sd")), "a standard deviation is not positive"),
    ]
    if problem.target == "power":
        fewest = _FEWEST.get(problem.test, 1)
        whole = isinstance(problem.given, int) and problem.given >= fewest
        checks.append((whole, f"n is no whole number of at least {fewest}"))
    else:
        checks.append((problem.alpha < problem.given < 1, "the power lies outside (alpha, 1)"))
    if problem.test == "anova":
        checks.append((_are_numbers(effect["means"], at_least=2), "means is no list of numbers"))
        checks.append((effect["means_ddof"] in {0, 1}, "means_ddof is neither 0 nor 1"))
    elif problem.test == "chi_square":
        checks.append((_are_proportions(effect["proportions"]), "proportions are not rows that add up to 1"))
    elif problem.test == "cox":
        checks.append((effect["formula"] in FORMULAS, f"formula is none of {', '.join(FORMULAS)}"))
        checks.append((0 < effect["failure_1"] <= 1 and 0 < effect["failure_2"] <= 1, "a failure lies outside (0, 1]"))
        checks.append((effect["hazard_ratio"] > 0, "the hazard ratio is not positive"))
    for holds, complaint in checks:
        if not holds:
            raise ValueError(complaint)
    if not _has_effect(problem):
        raise ValueError("there is no effect to detect")


def _has_effect(problem: Problem) -> bool:
    effect = problem.effect
    match problem.test:
        case "one_sample_t":
            return bool(effect["mean"] != effect["null_mean"])
        case "anova":
            return len(set(effect["means"])) > 1
        case "chi_square":
            return any(row != effect["proportions"][0] for row in effect["proportions"])
        case "cox":
            return bool(effect["hazard_ratio"] != 1)
        case _:
            return bool(effect["difference"] != 0)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _are_numbers(value: Any, at_least: int) -> bool:
    return isinstance(value, list) and len(value) >= at_least and all(map(_is_number, value))


def _are_proportions(value: Any) -> bool:
    if not isinstance(value, list) or len(value) < 2:
        return False
    rows = all(_are_numbers(row, at_least=2) and min(row) > 0 and abs(sum(row) - 1) < 1e-3 for row in value)
    return rows and len({len(row) for row in value}) == 1


_N = r"(\d+(?:\.\d+)?)"
_LIST = r"((?:\d+(?:\.\d+)?, )+and \d+(?:\.\d+)?)"
_COMMON = {"alpha": rf"significance level of {_N}", "power": rf"(?:power of {_N}%|{_N}% (?:of )?power\b)"}
_WORDINGS: Mapping[Test, Mapping[str, str]] = {
    "one_sample_t": {
        "null_mean": rf"difference from {_N}",
        "mean": rf"sample to be {_N}",
        "sd": rf"standard deviation of {_N}",
        "n": rf"recruited {_N}",
    },
    "two_sample_t": {
        "difference": rf"difference in [^.]* will be {_N}",
        "sd_1": rf"for diet A to be {_N}",
        "sd_2": rf"for diet B to be {_N}",
        "n": rf"has {_N} patients",
    },
    "paired_t": {
        "difference": rf"levels {_N} units",
        "sd": rf"standard deviation of {_N}",
        "n": rf"sample of {_N}",
    },
    "anova": {"means": rf"group will be {_LIST}", "sd": rf"value of {_N}", "n": rf"group of {_N}"},
    "chi_square": {"proportions": rf"will be {_LIST}", "n": rf"sample of {_N}"},
    "cox": {
        "failure_1": rf" are {_N} and {_N}, respectively",
        "failure_2": rf" are {_N} and {_N}, respectively",
        "hazard_ratio": rf"assumed to be {_N}",
        "n": rf"having {_N}",
    },
}
"""Where the original's questions state each number: the few words before it, which must occur exactly once."""

_UNSTATED: Mapping[Test, Mapping[str, Any]] = {
    "one_sample_t": {},
    "two_sample_t": {"alpha": 0.05},
    "paired_t": {},
    "anova": {"means_ddof": 1},
    "chi_square": {},
    "cox": {"formula": "freedman"},
}
"""What the original's questions leave open, by test, as its gold values have it."""


def from_question(test: Test, target: Target, question: str) -> Problem:
    """The problem as the original words it. Raises ValueError where a number isn't found exactly once."""
    wording = {**_WORDINGS[test], **_COMMON}
    parameters: dict[str, Any] = dict(_UNSTATED[test])
    known = "n" if target == "power" else "power"
    for name in (*FIELDS[test], "alpha", known):
        if name not in wording or (name in parameters and not re.search(wording[name], question)):
            continue
        parameters[name] = _stated(name, wording[name], question)
    one_sided = re.search(r"\bone-sided\b|\bone-tailed\b", question) is not None
    return from_parameters(test, target, {**parameters, "sides": 1 if one_sided else 2})


def _stated(name: str, pattern: str, question: str) -> Any:
    found = [[group for group in match.groups() if group] for match in re.finditer(pattern, question)]
    if name == "proportions" and len(found) > 1:
        return [_numbers(row[0]) for row in found]
    if len(found) != 1:
        raise ValueError(f"the question states {name} {len(found)} times in the known wording")
    if name == "means":
        return _numbers(found[0][0])
    spelled = found[0][-1 if name == "failure_2" else 0]
    if name == "power":
        return float(spelled) / 100
    return int(spelled) if name == "n" and spelled.isdigit() else float(spelled)


def _numbers(spelled: str) -> list[float]:
    return [float(number) for number in re.findall(_N, spelled)]
