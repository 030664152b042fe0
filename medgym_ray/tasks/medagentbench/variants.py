"""Variants of the gold program: honest ones, which must earn all, and ones with a fault, which must earn nothing."""

from collections.abc import Mapping
from typing import Any, Final

from medgym_ray.fhir.outcomes import BASE_URL
from medgym_ray.tasks.medagentbench.problem import Problem
from medgym_ray.tasks.medagentbench.programs import work

_PLAIN_ANSWERS: Final = {
    "plain": "value",
    "list of one": "[value]",
    "tuple of one": "(value,)",
    "row of one": "[[value]]",
    "record": "{'answer': value}",
    "spaced text": "f'  {value} '",
    "series": "__import__('pandas').Series([value])",
    "array": "__import__('numpy').array([value])",
    "set of one": "{value}",
    "table": "__import__('pandas').DataFrame([[value]])",
}
_NUMBER_ANSWERS: Final = {
    **_PLAIN_ANSWERS,
    "float": "float(value)",
    "decimal": "__import__('decimal').Decimal(str(value))",
    "numpy number": "__import__('numpy').float64(value)",
}
_RESULT_ANSWERS: Final = {
    "plain": "value",
    "tuple": "tuple(value)",
    "row": "[value]",
    "record": "dict(zip(('value', 'time'), value))",
    "table": "__import__('pandas').DataFrame([value])",
    "value as text": "[str(value[0]), *value[1:]]",
    "value as float": "[float(value[0]), *value[1:]]",
    "Z for the zone": "[value[0], *[time.replace('+00:00', 'Z') for time in value[1:]]]",
    "UTC without a zone": (
        "[value[0], *[datetime.fromisoformat(time).astimezone(NOW.tzinfo).isoformat()[:19] for time in value[1:]]]"
    ),
    "space for the T": "[value[0], *[time.replace('T', ' ') for time in value[1:]]]",
    "datetime": "[value[0], *map(datetime.fromisoformat, value[1:])]",
}

_CREATE: Final = """

def create(resource):
    {how}

"""
_CLIENTS: Final = {
    "requests": f'return __import__("requests").post("{BASE_URL}/" + resource["resourceType"], json=resource).json()',
    "indented JSON": (
        "body = json.dumps(resource, indent=4, ensure_ascii=False).encode()\n"
        f'    return urlopen(Request("{BASE_URL}/" + resource["resourceType"] + "/", body)).read()'
    ),
}
_ORDER_CHANGES: Final = {
    "as stated": "",
    "fields in another order": "orders = [dict(reversed(order.items())) for order in orders]\n",
    "numbers as floats": "orders = json.loads(json.dumps(orders), parse_int=float)\n",
    "Z for the zone": 'orders = json.loads(json.dumps(orders).replace("+00:00", "Z"))\n',
    "another zone": 'orders = json.loads(json.dumps(orders).replace("T10:15:00+00:00", "T05:15:00-05:00"))\n',
    "reference as URL": f"orders = json.loads(json.dumps(orders).replace('\"Patient/', '\"{BASE_URL}/Patient/'))\n",
    "patient by name as well": 'for order in orders:\n    order["subject"]["display"] = "the patient"\n',
    "an encounter": 'for order in orders:\n    order["encounter"] = {"reference": "Encounter/1"}\n',
    "other sequence": "orders.reverse()\n",
    "after a refused attempt": (
        "from urllib.error import HTTPError\n"
        "for order in orders:\n    try:\n        create({**order, 'subject': {'reference': 'Patient/nobody'}})\n"
        "    except HTTPError:\n        pass\n"
    ),
}

_ANSWER_FAULTS: Final = {
    "more": "value + 1",
    "less": "value - 0.5",
    "twice": "[value, value]",
    "with its unit": "f'{value} mg/dL'",
    "in a sentence": "f'The answer is {value}.'",
    "none": "None",
    "not a number": "float('nan')",
}
_TEXT_FAULTS: Final = {
    "a digit more": "value + '0'",
    "a digit less": "value[:-1]",
    "in a sentence": "f'The answer is {value}.'",
    "twice": "[value, value + '1']",
    "none": "None",
    "another patient": "next(one['id'] for one in search('Patient') if one['id'] != value)",
}
_RESULT_FAULTS: Final = {
    "value more": "[value[0] + 0.1, *value[1:]]",
    "a time of its own": "[*value[:1], '2021-01-01T00:00:00+00:00']",
    "in a sentence": "f'The result is {value}.'",
    "twice": "[value, value]",
    "none": "None",
}
_RESULT_PART_FAULTS: Final = {
    "without its time": "value[0]",
    "the next day": "[value[0], (datetime.fromisoformat(value[1]) + timedelta(days=1)).isoformat()]",
}

_COMMON_ORDER_FAULTS: Final = {
    "nothing created": "orders = []\n",
    "created twice": "orders = orders * 2\n",
    "another patient": (
        "subject = orders[0]['subject']\n"
        "subject['reference'] = 'Patient/' + next(\n"
        "    one['id'] for one in search('Patient') if not subject['reference'].endswith(one['id'])\n)\n"
    ),
    "no subject": "del orders[0]['subject']\n",
    "no status": "del orders[0]['status']\n",
    "another type": "orders[0] = {**orders[0], 'resourceType': 'Procedure'}\n",
    "a modifier": "orders[0]['implicitRules'] = 'http://example.org/rules'\n",
}
_REQUEST_FAULTS: Final = {
    **_COMMON_ORDER_FAULTS,
    "not to be done": "orders[0]['doNotPerform'] = True\n",
    "a draft": "orders[0]['status'] = 'draft'\n",
    "a proposal": "orders[0]['intent'] = 'proposal'\n",
    "written tomorrow": "orders[0]['authoredOn'] = '2023-11-14T10:15:00+00:00'\n",
    "no time of writing": "del orders[0]['authoredOn']\n",
}
_DRUG_FAULTS: Final = {
    **_REQUEST_FAULTS,
    "another drug": "orders[0]['medicationCodeableConcept']['coding'][0]['code'] += '0'\n",
    "another code system": "orders[0]['medicationCodeableConcept']['coding'][0]['system'] += '/other'\n",
    "twice the dose": "orders[0]['dosageInstruction'][0]['doseAndRate'][0]['doseQuantity']['value'] *= 2\n",
    "a little more": "orders[0]['dosageInstruction'][0]['doseAndRate'][0]['doseQuantity']['value'] += 0.5\n",
    "another unit": "orders[0]['dosageInstruction'][0]['doseAndRate'][0]['doseQuantity']['unit'] = 'mg'\n",
    "another route": "orders[0]['dosageInstruction'][0]['route']['text'] = 'IM'\n",
    "no dosage": "del orders[0]['dosageInstruction']\n",
    "a second dosage": "orders[0]['dosageInstruction'] *= 2\n",
}
_SERVICE_FAULTS: Final = {
    **_REQUEST_FAULTS,
    "another test": "orders[-1]['code']['coding'][0]['code'] += '0'\n",
    "not urgent": "orders[-1]['priority'] = 'routine'\n",
    "no priority": "del orders[-1]['priority']\n",
}
_ORDER_FAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "blood_pressure_entry": {
        **_COMMON_ORDER_FAULTS,
        "another value": "orders[0]['valueString'] = '1' + orders[0]['valueString']\n",
        "no value": "del orders[0]['valueString']\n",
        "another flowsheet": "orders[0]['code']['text'] += '2'\n",
        "another category": "orders[0]['category'][0]['coding'][0]['code'] = 'laboratory'\n",
        "no category": "del orders[0]['category']\n",
        "preliminary": "orders[0]['status'] = 'preliminary'\n",
        "measured yesterday": "orders[0]['effectiveDateTime'] = '2023-11-12T10:15:00+00:00'\n",
    },
    "magnesium_replacement": {
        **_DRUG_FAULTS,
        "another rate": "orders[0]['dosageInstruction'][0]['doseAndRate'][0]['rateQuantity']['value'] += 1\n",
        "no rate": "del orders[0]['dosageInstruction'][0]['doseAndRate'][0]['rateQuantity']\n",
    },
    "referral": {
        **_SERVICE_FAULTS,
        "another note": "orders[0]['note'][0]['text'] = orders[0]['note'][0]['text'][:-12]\n",
        "no note": "del orders[0]['note']\n",
    },
    "potassium_replacement": {
        **_DRUG_FAULTS,
        "only the drug": "del orders[1]\n",
        "only the test": "del orders[0]\n",
        "an hour later": "orders[1]['occurrenceDateTime'] = '2023-11-14T09:00:00+00:00'\n",
        "today": "orders[1]['occurrenceDateTime'] = '2023-11-13T08:00:00+00:00'\n",
        "no time for the test": "del orders[1]['occurrenceDateTime']\n",
        "another test": "orders[1]['code']['coding'][0]['code'] += '0'\n",
        "not urgent": "orders[1]['priority'] = 'routine'\n",
    },
    "a1c_follow_up": _SERVICE_FAULTS,
}
_NOT_DUE: Final = {
    "magnesium_replacement": "orders = [order]\n",
    "potassium_replacement": "orders = [order, test]\n",
    "a1c_follow_up": "orders = [test]\n",
}
"""Ordered all the same."""
_UNASKED: Final = """\
create({
    "resourceType": "Observation", "status": "final", "code": {"text": "BP"}, "valueString": "120/80 mmHg",
    "subject": {"reference": "Patient/" + search("Patient")[0]["id"]},
})
"""
_OLDER: Final = {
    "magnesium_recent": "value = results[0][1]\n",
    "magnesium_replacement": "value = results[0][1]\n",
    "glucose_mean": "value = sum(one[1] for one in results) / len(results)\n",
    "glucose_latest": "value = results[0][1]\n",
    "potassium_replacement": "value = results[0][1]\n",
    "a1c_follow_up": "value = [results[0][1], results[0][2]]\n",
}
"""An older value than the task asks for."""


def honest(problem: Problem, gold: Mapping[str, Any]) -> dict[str, str]:
    """Name of the variant → program."""
    answers = _answers(problem.kind)
    programs = {f"answer: {name}": work(problem, answer=answer) for name, answer in answers.items()}
    if not gold["orders"]:
        return programs
    programs |= {f"order: {name}": work(problem, change) for name, change in _ORDER_CHANGES.items()}
    programs |= {f"client: {name}": work(problem, create=_CREATE.format(how=how)) for name, how in _CLIENTS.items()}
    if problem.kind == "referral":
        programs["order: note as one object"] = work(problem, "test['note'] = test['note'][0]\n")
    return programs


def near_misses(problem: Problem, gold: Mapping[str, Any]) -> dict[str, str]:
    """Name of the fault → program."""
    answer, kind = gold["answer"], problem.kind
    programs = {f"order: {name}": work(problem, change) for name, change in _order_faults(problem, gold).items()}
    programs["something unasked"] = work(problem, _UNASKED)
    if answer is None:
        return programs
    if isinstance(answer, list):
        faults = _RESULT_FAULTS | (_RESULT_PART_FAULTS if len(answer) > 1 else {})
    else:
        faults = _TEXT_FAULTS if isinstance(answer, str) else _ANSWER_FAULTS
    programs |= {f"answer: {name}": work(problem, answer=fault) for name, fault in faults.items()}
    if kind in _OLDER and answer != [-1]:
        programs["answer: an older value"] = work(problem, _OLDER[kind])
    return programs


def _answers(kind: str) -> Mapping[str, str]:
    if kind == "a1c_follow_up":
        return _RESULT_ANSWERS
    return _PLAIN_ANSWERS if kind in {"patient_lookup", "blood_pressure_entry", "referral"} else _NUMBER_ANSWERS


def _order_faults(problem: Problem, gold: Mapping[str, Any]) -> Mapping[str, str]:
    if gold["orders"]:
        return _ORDER_FAULTS[problem.kind]
    return {"not due": _NOT_DUE[problem.kind]} if problem.kind in _NOT_DUE else {}
