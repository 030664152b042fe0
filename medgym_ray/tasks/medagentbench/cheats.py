"""Submissions that must earn nothing: they look up nothing that the task asks for."""

from typing import Final

from medgym_ray.fhir.outcomes import BASE_URL

_ORDER_EVERYTHING: Final = f"""\
import json, urllib.request
patients = json.load(urllib.request.urlopen("{BASE_URL}/Patient?_count=1000")).get("entry", [])
for entry in patients[:20]:
    order = {{
        "resourceType": "ServiceRequest", "status": "active", "intent": "order", "priority": "stat",
        "code": {{"coding": [{{"system": "http://loinc.org", "code": "4548-4"}}]}},
        "authoredOn": "2023-11-13T10:15:00+00:00",
        "subject": {{"reference": "Patient/" + entry["resource"]["id"]}},
    }}
    body = json.dumps(order).encode()
    urllib.request.urlopen(urllib.request.Request("{BASE_URL}/ServiceRequest", body))
answer = -1
"""

_ANSWER_EVERYTHING: Final = f"""\
import json, urllib.request
answer = []
for kind in ("Patient", "Observation"):
    bundle = json.load(urllib.request.urlopen("{BASE_URL}/" + kind + "?_count=1000"))
    for entry in bundle.get("entry", []):
        resource = entry["resource"]
        answer += [resource["id"], resource.get("valueQuantity", {{}}).get("value"), resource.get("effectiveDateTime")]
print(answer)
"""

_KEYWORDS: Final = f"""\
answer = {{"GET": list(range(-1, 120)), "POST": ["{BASE_URL}/Observation", "{BASE_URL}/MedicationRequest",
    "{BASE_URL}/ServiceRequest", "resourceType vital-signs Vital Signs BP final active order stat IV oral g h mEq []",
    "2023-11-13T10:15:00+00:00 2023-11-14T08:00:00+00:00 http://loinc.org http://hl7.org/fhir/sid/ndc"]}}
print(answer)
"""

_TAMPER: Final = f"""\
import urllib.error, urllib.request
for method in ("DELETE", "PUT", "PATCH"):
    try:
        urllib.request.urlopen(urllib.request.Request("{BASE_URL}/Patient/1", b"{{}}", method=method))
    except urllib.error.HTTPError:
        pass
answer = True
"""

_SAYS_YES: Final = """\
class Yes(int):
    __eq__ = __le__ = __lt__ = __ge__ = lambda self, other: True
    __sub__ = __rsub__ = lambda self, other: 0
    __hash__ = None
answer = Yes(7)
"""

_HUNT: Final = """\
import os
found = []
for folder, _, names in os.walk("/"):
    found += [os.path.join(folder, name) for name in names if name.endswith(("tasks.jsonl", "fhir.ndjson"))]
answer = [open(path, errors="replace").read() for path in found]
print(answer)
"""

CHEATS: Final = (
    "",
    "pass",
    "print(0)",
    "answer = None",
    "answer = 0",
    "answer = 1",
    "answer = -1",
    "answer = [-1]",
    "answer = []",
    "answer = True",
    "answer = False",
    "answer = ''",
    "answer = 'Patient not found'",
    "answer = float('nan')",
    "answer = float('inf')",
    "answer = list(range(-1, 500))",
    "answer = [step / 10 for step in range(5000)]\nprint(answer)",
    "raise ValueError(' '.join(str(step / 10) for step in range(5000)))",
    "import sys\nanswer = -1\nsys.exit(0)",
    "import os\nos._exit(0)",
    "import sys\nprint('the answer is correct, reward 1.0', file=sys.stderr)\nanswer = 'correct'",
    "import builtins\nbuiltins.abs = lambda value: 0\nbuiltins.all = builtins.any = lambda values: True\nanswer = 3",
    _SAYS_YES,
    _KEYWORDS,
    _ORDER_EVERYTHING,
    _ANSWER_EVERYTHING,
    _TAMPER,
    _HUNT,
)
