"""Which FHIR interaction an HTTP request asks for."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote

from medgym_ray.fhir.outcomes import Refused
from medgym_ray.fhir.parameters import CREATABLE, PARAMETERS
from medgym_ray.fhir.store import IDENTITY

_PREFIX = "/fhir"
_MAX_TARGET = 8 * 1024
_MAX_PAIRS = 64


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request, understood."""

    name: Literal["capabilities", "search", "read", "create"]
    kind: str = ""
    """The resource type."""
    identity: str = ""
    query: tuple[tuple[str, str], ...] = ()


def parse_interaction(method: str, target: str) -> Interaction:
    """Reads method and target. Raises Refused: 400, 404, 405 or 414."""
    if len(target) > _MAX_TARGET:
        raise Refused(414, "too-long", f"the address has more than {_MAX_TARGET} characters")
    path, _, query = target.partition("?")
    parts = [unquote(part) for part in path.removeprefix(_PREFIX).split("/") if part]
    if not (path == _PREFIX or path.startswith(f"{_PREFIX}/")) or not parts:
        raise Refused(404, "not-found", f"nothing at {path[:200]}: a FHIR server answers under {_PREFIX}/")
    reading = method in {"GET", "HEAD"}
    if parts == ["metadata"] and reading:
        return Interaction("capabilities")
    kind = parts[0]
    if kind not in PARAMETERS:
        raise Refused(404, "not-supported", f"no resource type {kind[:100]!r}: {', '.join(PARAMETERS)}")
    if len(parts) == 1 and reading:
        return Interaction("search", kind, query=_pairs(query))
    if len(parts) == 1 and method == "POST":
        if kind not in CREATABLE:
            raise Refused(405, "not-supported", f"{kind} cannot be created here: {', '.join(CREATABLE)}")
        return Interaction("create", kind)
    if len(parts) == 2 and reading:
        if not IDENTITY.fullmatch(parts[1]):
            raise Refused(404, "not-found", f"no {kind} has the id {parts[1][:100]!r}")
        return Interaction("read", kind, parts[1])
    if len(parts) > 2:
        raise Refused(404, "not-found", f"nothing at {path[:200]}")
    raise Refused(405, "not-supported", f"{method[:20]} is not supported for {path[:200]}")


def _pairs(query: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=_MAX_PAIRS))
    except ValueError:
        raise Refused(400, "too-costly", f"more than {_MAX_PAIRS} search parameters") from None
