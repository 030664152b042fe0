"""The rule that the original published: words that must stand somewhere in what the program printed.

It never looks at the server's writes; a program prints `{"GET": [answers], "POST": [address, resource, …]}`. Its slips
are kept: a replacement that is not due is never right, nor is any answer on HbA1c. Codes, values and patients are the
task's own (the original compares every blood pressure entry with one patient's).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from medgym_ray.fhir.outcomes import BASE_URL
from medgym_ray.tasks.base import Submission
from medgym_ray.tasks.medagentbench.orders import Order
from medgym_ray.tasks.medagentbench.problem import NEXT_MORNING, NOW

_NOW: Final = NOW.isoformat()
_NEXT_MORNING: Final = NEXT_MORNING.isoformat()[:14]
_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "Observation": ("vital-signs", "Vital Signs", "effectiveDateTime", "final", "valueString"),
    "MedicationRequest": ("authoredOn", "dosageInstruction", "doseAndRate", "doseQuantity", "active", "intent"),
    "ServiceRequest": ("active", "intent", "order", "stat"),
}


def paper_reward(category: str, gold: Mapping[str, Any], submission: Submission) -> float:
    """What the original would have paid for this execution."""
    printed = _printed(submission).replace("'", '"')
    try:
        results = json.loads(printed)
    except (ValueError, RecursionError):
        results = printed
    said, answer, orders = str(results), str(gold["answer"]), gold["orders"]
    has_orders = bool(orders) and all(word in said for order in orders for word in _words(order, gold))
    match category:
        case "patient_lookup" | "patient_age":
            is_right = isinstance(results, dict) and answer in str(results.get("GET", ""))
        case "magnesium_recent" | "glucose_mean" | "glucose_latest":
            is_right = answer in said
        case "magnesium_replacement":
            is_right = has_orders and "[]" in said
        case "potassium_replacement":
            is_right = has_orders and (answer in said or "[]" in said)
        case "blood_pressure_entry" | "referral":
            is_right = has_orders
        case _:
            is_right = False  # HbA1c: all that was printed would have to be the bare value, and hold an order
    return float(submission.ran and is_right)


def _printed(submission: Submission) -> str:
    """stdout and stderr; `answer` itself for a program that mentions it and never prints."""
    code, said = submission.code or "", submission.stdout
    if submission.has_answer and "print" not in code and "answer" in code:
        said += str(submission.answer)
    return said + submission.stderr


def _words(order: Order, gold: Mapping[str, Any]) -> list[str]:
    words = [f"{BASE_URL}/{order['type']}", "resourceType", f"Patient/{order['patient']}", _NOW, *_WORDS[order["type"]]]
    words += [str(order[name]) for name in ("flowsheet", "value", "note") if order.get(name)]
    words += order.get("code", [])
    if order.get("due"):
        words.append(_NEXT_MORNING)
    if order["type"] == "MedicationRequest":
        words += ["IV" if order["route"] == "iv" else "oral", _dose(order, gold), order["unit"]]
    return words


def _dose(order: Order, gold: Mapping[str, Any]) -> str:
    """As the original spells it, with what floats make of potassium."""
    facts = gold["parameters"]
    if "goal" in facts:
        return str((facts["goal"] - gold["answer"]) / 0.1 * facts["dose_per_tenth"])
    return f"{order['dose']:g}"
