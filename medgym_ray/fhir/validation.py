"""What may be created: JSON of a reasonable size that the models of fhir.resources (R4B) accept, about one patient."""

import json
from importlib import import_module
from typing import Any

from medgym_ray.fhir.outcomes import Refused
from medgym_ray.fhir.store import patient_of

MAX_BODY = 64 * 1024
_MAX_DEPTH = 40
_MAX_ISSUES = 10


def accept(kind: str, body: bytes) -> dict[str, Any]:
    """The resource in a request's body, as its model spells it.

    Raises Refused: 413 and 400 for what is no resource of that type, 422 for one that breaks a rule.
    """
    resource = _parsed(body)
    if resource.get("resourceType") != kind:
        raise Refused(400, "invalid", f'"resourceType" must be "{kind}", as in the address')
    # The benchmark's own description has the note of a ServiceRequest as one object; R4 has a list.
    if isinstance(resource.get("note"), dict):
        resource["note"] = [resource["note"]]
    accepted = _validated(kind, resource)
    if patient_of(accepted) is None:
        raise Refused(422, "required", '"subject" must be a reference to a patient: {"reference": "Patient/ID"}')
    return accepted


def _parsed(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY:
        raise Refused(413, "too-long", f"the body has more than {MAX_BODY} bytes")
    try:
        resource = json.loads(body, parse_constant=_no_constant)
        _require_plain(resource)
        json.dumps(resource, ensure_ascii=False).encode()  # half of a surrogate pair can't be stored
    except (ValueError, RecursionError) as error:
        raise Refused(400, "structure", f"the body cannot be read: {error}") from None
    if not isinstance(resource, dict):
        raise Refused(400, "structure", "the body is no JSON object")
    return resource


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _require_plain(value: Any) -> None:
    """Raises ValueError for what no resource has or needs: null, depth, and numbers beyond a float."""
    waiting = [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ValueError(f"nested more than {_MAX_DEPTH} levels deep")
        if part is None:
            raise ValueError("FHIR has no null: leave the element out")
        if isinstance(part, int | float) and not -1e15 < part < 1e15:
            raise ValueError("a number is too large")
        if isinstance(part, dict):
            waiting += [(element, depth + 1) for element in part.values()]
        elif isinstance(part, list):
            waiting += [(element, depth + 1) for element in part]


def _validated(kind: str, resource: dict[str, Any]) -> dict[str, Any]:
    from pydantic import ValidationError

    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        accepted = model.model_validate(resource)
        spelled = json.loads(accepted.model_dump_json())
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, issue['loc'])) or kind}: {issue['msg']}"
            for issue in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise Refused(422, "invalid", *problems[:_MAX_ISSUES]) from None
    except Exception as error:  # whatever a hostile resource does to the library, it is not accepted
        raise Refused(422, "invalid", f"{kind}: {type(error).__name__}") from None
    _require_bound_codes(model, spelled)
    return {"resourceType": kind, **spelled}


def _require_bound_codes(model: Any, resource: dict[str, Any]) -> None:
    """Raises Refused where a code is none of its required value set, which the models know but do not check."""
    for name, declared in model.model_fields.items():
        allowed = (declared.json_schema_extra or {}).get("enum_values")
        if allowed and name in resource and resource[name] not in allowed:
            raise Refused(422, "code-invalid", f"{name}: {resource[name]!r} is none of {', '.join(allowed)}")
