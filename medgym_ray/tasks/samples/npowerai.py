"""Builds the synthetic N-PowerAI sample: own scenarios and values, gold by two routes that must agree.

The first route is the family's own (`methods`, by scipy's non-central distributions), the second is statsmodels'
power classes. A draft is thrown away where its gold would be worth nothing: printed in its own question, met by a
constant that a cheat would try, close to 0 or 1, or decided by rounding.
"""

import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final, NamedTuple

from medgym_ray.tasks.npowerai import methods
from medgym_ray.tasks.npowerai.problem import TARGETS, TASK_TYPES, Problem, Target, Test, from_parameters

_PER_KIND: Final = {"test": 8, "train": 16}
_ATTEMPTS: Final = 10_000
_CONSTANTS: Final = (0, 0.5, 0.8, 0.801110746829021, 0.9, 1, 42, 100)
"""Answers that need no question."""


class _Measure(NamedTuple):
    """A scenario about a measured value: its text, a usual value, a usual standard deviation, decimals."""

    text: str
    value: float
    sd: float
    decimals: int


_ONE_SAMPLE: Final = (
    _Measure(
        "Sedentary office workers have a resting heart rate of {null_mean} beats per minute on average. A "
        "rehabilitation unit expects {mean} beats per minute among workers who finish its rowing course, with a "
        "standard deviation of {sd}.",
        *(78, 10.5, 1),
    ),
    _Measure(
        "A national register puts the mean HbA1c of young people with type 1 diabetes at {null_mean} percent. A clinic "
        "that hands out continuous glucose sensors expects its own patients to average {mean} percent (standard "
        "deviation {sd}).",
        *(8.3, 1.35, 2),
    ),
    _Measure(
        "Reference tables list a mean birth weight of {null_mean} g for singletons born at term. Midwives expect "
        "{mean} g in a mountain district, where birth weights have a standard deviation of {sd} g.",
        *(3340, 455, 0),
    ),
    _Measure(
        "In a fitness survey, people with mild asthma reached a mean FEV1 of {null_mean} litres. For patients who keep "
        "an inhaler diary a pulmonologist assumes a mean of {mean} litres and a standard deviation of {sd} litres.",
        *(2.85, 0.64, 2),
    ),
)
_TWO_SAMPLE: Final = (
    _Measure(
        "Knee pain after arthroscopy is scored from 0 to 100 under two analgesic regimens. The mean scores are "
        "expected to lie {difference} points apart, with standard deviations of {sd_1} under the first and {sd_2} "
        "under the second regimen.",
        *(0, 18, 1),
    ),
    _Measure(
        "A burn centre randomises patients to a hydrogel or to gauze and records the days until the wound has closed. "
        "It reckons with a difference of {difference} days in the means; the standard deviations are {sd_1} days "
        "(hydrogel) and {sd_2} days (gauze).",
        *(0, 5.2, 1),
    ),
    _Measure(
        "Two iron preparations for anaemia in pregnancy are to be compared by haemoglobin at week 34. Their means "
        "should differ by {difference} g/L, the standard deviations being {sd_1} g/L and {sd_2} g/L.",
        *(0, 9.5, 1),
    ),
    _Measure(
        "Sleep laboratories compare a new mask with the usual one by the apnoea index. The expected difference of the "
        "means is {difference} events per hour; the index has a standard deviation of {sd_1} with the new mask and "
        "{sd_2} with the usual one.",
        *(0, 7.4, 2),
    ),
)
_PAIRED: Final = (
    _Measure(
        "Intraocular pressure is taken in the same eyes before and four hours after a drop of a beta blocker. The mean "
        "fall should be {difference} mmHg; the differences within an eye have a standard deviation of {sd} mmHg.",
        *(0, 3.6, 2),
    ),
    _Measure(
        "Each patient of a stroke ward walks a timed course on admission and again at discharge. A mean gain of "
        "{difference} metres is hoped for, the standard deviation of the gains being {sd} metres.",
        *(0, 41, 1),
    ),
    _Measure(
        "Serum ferritin is measured in blood donors before a donation and eight weeks later. The within-donor change "
        "is assumed to average {difference} µg/L with a standard deviation of {sd} µg/L.",
        *(0, 22, 1),
    ),
)
_ANOVA: Final = (
    _Measure(
        "Wards that clean hands by {k} different protocols are compared by the mean number of colonies on a contact "
        "plate. The protocols are expected to average {means} colonies; within each the standard deviation is {sd}.",
        *(64, 19, 0),
    ),
    _Measure(
        "Children with a fever are allotted at random to {k} antipyretic schedules. Mean temperature after two hours "
        "should be {means} degrees Celsius, and every schedule has a standard deviation of {sd} degrees.",
        *(38.2, 0.62, 2),
    ),
    _Measure(
        "A dental school teaches {k} brushing techniques to separate groups and scores plaque a month later. The group "
        "means are put at {means} points with a common standard deviation of {sd} points.",
        *(31, 8.5, 1),
    ),
)
_TABLES: Final = (
    (
        "Recovery after hip replacement is graded as {outcomes}. ",
        ("nurse-led care", "standard care", "home care"),
        ("full", "partial", "poor"),
    ),
    (
        "A vaccination campaign asks how people came to know of it: {outcomes}. ",
        ("towns", "villages", "islands"),
        ("radio", "leaflet", "physician", "relatives"),
    ),
    (
        "Wound infection after appendectomy is recorded as {outcomes}. ",
        ("laparoscopic operations", "open operations"),
        ("present", "absent"),
    ),
    (
        "Adherence to tuberculosis treatment is rated {outcomes}. ",
        ("the text-message group", "the visit group"),
        ("good", "fair", "low", "none"),
    ),
)
_SURVIVAL: Final = (
    "A trial of maintenance chemotherapy follows two equally large arms until relapse. The probability of a relapse "
    "during follow-up is taken to be {failure_1} under the new drug and {failure_2} under observation, and the hazard "
    "ratio {hazard_ratio}. ",
    "Two dialysis policies are compared in equally large groups by the time to a first vascular event. Events are "
    "expected in a share of {failure_1} of the first and {failure_2} of the second group, at a hazard ratio of "
    "{hazard_ratio}. ",
    "Patients with heart failure are randomised one to one to remote monitoring or to clinic visits, and a "
    "proportional-hazards model is fitted to the time to readmission. Assumed are a hazard ratio of {hazard_ratio} and "
    "readmission probabilities of {failure_1} (monitored) and {failure_2} (visits). ",
)

_TEST_NAMES: Final[Mapping[Test, tuple[str, str, str]]] = {
    "one_sample_t": ("one-sample t test", "participants", "in all"),
    "two_sample_t": (
        "two-sample t test (equal group sizes, pooled standard deviation)",
        "participants",
        "in each group",
    ),
    "paired_t": ("paired t test", "participants", "measured twice"),
    "anova": ("one-way analysis of variance", "participants", "in each group"),
    "chi_square": ("chi-square test of independence", "participants", "in all groups together"),
    "cox": ("test of the hazard ratio", "patients", "in each group"),
}
_ASK_SIZE: Final = (
    "What is the smallest number of {who} {where} that gives a {test} a power of {power} at a significance level of "
    "{alpha}?",
    "The analysis will be a {test} with a type I error rate of {alpha}. How many {who} {where} are needed at least for "
    "a power of {power}?",
    "Find the minimum number of {who} {where} so that the {test}, carried out at level {alpha}, reaches a power of "
    "{power}.",
)
_ASK_POWER: Final = (
    "With {n} {who} {where}, what is the power of a {test} at a significance level of {alpha}?",
    "The budget allows for {n} {who} {where}. Which power does a {test} with a type I error rate of {alpha} have?",
    "Compute the power of the {test}, carried out at level {alpha}, if there are {n} {who} {where}.",
)


def build(root: Path, seed: int) -> None:
    """Writes `root/npowerai/{test,train}_tasks.jsonl`, byte for byte the same for the same seed."""
    folder = root / "npowerai"
    folder.mkdir(parents=True, exist_ok=True)
    used: set[tuple[Test, Target, float]] = set()
    for split, per_kind in _PER_KIND.items():
        rng = random.Random(f"npowerai/{split}/{seed}")
        lines = [
            json.dumps(_record(test, name, number, target, rng, used), ensure_ascii=False)
            for number, (name, test) in enumerate(TASK_TYPES.items(), start=1)
            for target in TARGETS
            for _ in range(per_kind)
        ]
        (folder / f"{split}_tasks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _record(
    test: Test, name: str, number: int, target: Target, rng: random.Random, used: set[tuple[Test, Target, float]]
) -> dict[str, Any]:
    """One record in the original's layout, with the numbers of its question beside it as `parameters`."""
    for _ in range(_ATTEMPTS):
        text, parameters = _draft(test, target, rng)
        try:
            problem = from_parameters(test, target, parameters)
        except ValueError:
            continue  # rounding took the effect away
        answer = _gold(problem)
        key = (test, target, round(answer, 3))
        if answer and key not in used and not _is_given_away(answer, text, target):
            used.add(key)
            return {
                "task_type": name,
                "task_id": number,
                "estimate_target": target,
                "question": text,
                "answer": answer,
                "parameters": parameters,
            }
    raise RuntimeError(f"no usable {test} {target} problem in {_ATTEMPTS} drafts")


def _gold(problem: Problem) -> float:
    """The answer by both routes; 0 where it is too close to a bound or to the next integer to be asked for."""
    first, second = methods.solve(problem), _second_route(problem)
    if problem.target == "power":
        if abs(first - second) > 1e-5:
            raise RuntimeError(f"the two routes give powers {first} and {second} for {problem}")
        return round(first, 6) if 0.15 < first < 0.97 else 0
    if abs(second - round(second)) < 5e-3 or not 8 < first < 3000:
        return 0
    if first != math.ceil(second):
        raise RuntimeError(f"the two routes give sizes {first} and {second} for {problem}")
    return first


def _second_route(problem: Problem) -> float:
    """The power, or the size before it is rounded up, by statsmodels."""
    import numpy as np
    from statsmodels.stats import power as routes

    effect, alpha = problem.effect, problem.alpha
    n, power = (None, problem.given) if problem.target == "size" else (problem.given, None)
    sided: dict[str, Any] = {"alpha": alpha, "power": power, "alternative": "larger"}
    if problem.sides == 2:
        sided["alternative"] = "two-sided"
    match problem.test:
        case "one_sample_t" | "paired_t":
            shift = effect.get("difference", effect.get("mean", 0) - effect.get("null_mean", 0))
            return float(routes.TTestPower().solve_power(abs(shift) / effect["sd"], nobs=n, **sided))
        case "two_sample_t":
            spread = math.hypot(effect["sd_1"], effect["sd_2"]) / math.sqrt(2)
            return float(routes.TTestIndPower().solve_power(abs(effect["difference"]) / spread, nobs1=n, **sided))
        case "anova":
            groups = len(effect["means"])
            f = float(np.std(effect["means"], ddof=effect["means_ddof"])) / effect["sd"]
            total = None if n is None else groups * n
            solved = routes.FTestAnovaPower().solve_power(f, nobs=total, alpha=alpha, power=power, k_groups=groups)
            return float(solved) / (groups if n is None else 1)
        case "chi_square":
            table = np.array(effect["proportions"]) / len(effect["proportions"])
            free = np.outer(table.sum(axis=1), table.sum(axis=0))
            w = float(np.sqrt(((table - free) ** 2 / free).sum()))
            cells = (table.shape[0] - 1) * (table.shape[1] - 1) + 1
            return float(routes.GofChisquarePower().solve_power(w, nobs=n, alpha=alpha, power=power, n_bins=cells))
        case "cox":
            ratio = effect["hazard_ratio"]
            shift = abs((1 - ratio) / (1 + ratio)) if effect["formula"] == "freedman" else abs(math.log(ratio) / 2)
            per_person = shift * math.sqrt(effect["failure_1"] + effect["failure_2"])
            one_sided = {"alpha": alpha / problem.sides, "power": power, "alternative": "larger"}
            return float(routes.NormalIndPower().solve_power(per_person, nobs1=n, ratio=0, **one_sided))


def _is_given_away(answer: float, text: str, target: Target) -> bool:
    """Whether the question prints the answer or a constant would do."""
    printed = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]
    if target == "size":
        return any(math.ceil(number) == answer for number in (*printed, *_CONSTANTS))
    return any(abs(value - answer) <= 0.006 for number in (*printed, *_CONSTANTS) for value in (number, number / 100))


def _draft(test: Test, target: Target, rng: random.Random) -> tuple[str, dict[str, Any]]:
    """A question and its numbers, the effect being such that the size or power sought is of a usual kind."""
    alpha = rng.choice((0.01, 0.02, 0.025, 0.05, 0.05, 0.1))
    has_sides = test not in {"anova", "chi_square"}
    sides = rng.choice((1, 2)) if has_sides else 2
    power = rng.choice((0.7, 0.75, 0.8, 0.85, 0.9, 0.95)) if target == "size" else rng.uniform(0.2, 0.96)
    n = round(math.exp(rng.uniform(math.log(10), math.log(220))))
    if test in {"chi_square", "cox"}:
        n *= 4
    normal = NormalDist()
    shift = normal.inv_cdf(1 - alpha / sides) + normal.inv_cdf(power)
    setting, effect = _SETTINGS[test](rng, max(shift, 0.7), n)
    name, who, where = _TEST_NAMES[test]
    if has_sides:
        name = f"{'one' if sides == 1 else 'two'}-sided {name}"
    shown_power = f"{power:.0%}" if rng.random() < 0.5 else f"{power:.2f}"
    ask = rng.choice(_ASK_SIZE if target == "size" else _ASK_POWER)
    question = ask.format(who=who, where=where, test=name, power=shown_power, alpha=alpha, n=n)
    known = {"power": power} if target == "size" else {"n": n}
    return f"{setting.strip()} {question}", {**effect, "alpha": alpha, "sides": sides, **known}


_Setting = tuple[str, dict[str, Any]]


def _one_sample(rng: random.Random, shift: float, n: int) -> _Setting:
    measure = rng.choice(_ONE_SAMPLE)
    sd = _rounded(measure.sd * rng.uniform(0.85, 1.2), measure.decimals)
    null_mean = _rounded(measure.value * rng.uniform(0.95, 1.05), measure.decimals)
    mean = _rounded(null_mean + rng.choice((-1, 1)) * shift / math.sqrt(n) * sd, measure.decimals)
    effect = {"null_mean": null_mean, "mean": mean, "sd": sd}
    return measure.text.format(**effect), effect


def _two_sample(rng: random.Random, shift: float, n: int) -> _Setting:
    measure = rng.choice(_TWO_SAMPLE)
    first, second = (_rounded(measure.sd * rng.uniform(0.8, 1.3), measure.decimals) for _ in range(2))
    difference = _rounded(shift / math.sqrt(n / 2) * math.hypot(first, second) / math.sqrt(2), measure.decimals)
    effect = {"difference": difference, "sd_1": first, "sd_2": second}
    return measure.text.format(**effect), effect


def _paired(rng: random.Random, shift: float, n: int) -> _Setting:
    measure = rng.choice(_PAIRED)
    sd = _rounded(measure.sd * rng.uniform(0.8, 1.3), measure.decimals)
    effect = {"difference": _rounded(shift / math.sqrt(n) * sd, measure.decimals), "sd": sd}
    return measure.text.format(**effect), effect


def _anova(rng: random.Random, shift: float, n: int) -> _Setting:
    measure = rng.choice(_ANOVA)
    groups = rng.choice((3, 4, 5))
    sd = _rounded(measure.sd * rng.uniform(0.85, 1.2), measure.decimals)
    offsets = [rng.uniform(-1, 1) for _ in range(groups)]
    centre = sum(offsets) / groups
    scale = shift * 1.2 * sd / math.sqrt(n * sum((offset - centre) ** 2 for offset in offsets))
    means = [_rounded(measure.value + scale * offset, measure.decimals) for offset in offsets]
    setting = measure.text.format(k=("three", "four", "five")[groups - 3], means=_listed(means), sd=sd)
    setting += " Cohen's f is understood with the number of groups as divisor in the variance of the group means."
    return setting, {"means": means, "sd": sd, "means_ddof": 0}


def _chi_square(rng: random.Random, shift: float, n: int) -> _Setting:
    text, groups, outcomes = rng.choice(_TABLES)
    base = [rng.uniform(0.5, 1.5) for _ in outcomes]
    spread = 1.3 * shift / math.sqrt(n)
    rows = [_proportions([weight * math.exp(rng.gauss(0, spread * 1.5)) for weight in base]) for _ in groups]
    setting = text.format(outcomes=_listed(outcomes))
    setting += " ".join(
        f"In {group} the proportions are expected to be {_listed(row)} (in that order)."
        for group, row in zip(groups, rows, strict=True)
    )
    return f"{setting} The groups will be of the same size.", {"proportions": rows}


def _cox(rng: random.Random, shift: float, n: int) -> _Setting:
    control = round(rng.uniform(0.2, 0.7), 3)
    formula = rng.choice(("freedman", "schoenfeld"))
    reach = min(shift / math.sqrt(n * 1.7 * control), 0.6)
    ratio = round((1 - reach) / (1 + reach) if formula == "freedman" else math.exp(-2 * reach), 3)
    treated = round(1 - (1 - control) ** ratio, 3)  # what proportional hazards make of it
    effect = {"failure_1": treated, "failure_2": control, "hazard_ratio": ratio, "formula": formula}
    setting = rng.choice(_SURVIVAL).format(**effect)
    return f"{setting}Use {formula.capitalize()}'s formula for the number of events.", effect


_SETTINGS: Final[Mapping[Test, Callable[[random.Random, float, int], _Setting]]] = {
    "one_sample_t": _one_sample,
    "two_sample_t": _two_sample,
    "paired_t": _paired,
    "anova": _anova,
    "chi_square": _chi_square,
    "cox": _cox,
}


def _rounded(value: float, decimals: int) -> float:
    return round(value, decimals) if decimals else round(value)


def _proportions(weights: Sequence[float]) -> list[float]:
    """Shares of the weights in hundredths that add up to 1; none is below 0.02."""
    total = sum(weights)
    shares = [max(2, round(100 * weight / total)) for weight in weights]
    shares[shares.index(max(shares))] += 100 - sum(shares)
    return [share / 100 for share in shares]


def _listed(items: Sequence[object]) -> str:
    return f"{', '.join(map(str, items[:-1]))} and {items[-1]}"
