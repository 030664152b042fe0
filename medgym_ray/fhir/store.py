"""Where the resources are: a base that all episodes of a process share and never change, and what one episode adds."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from medgym_ray.errors import TaskError

Resource = Mapping[str, Any]
IDENTITY = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9.-]{1,64}", re.ASCII)
"""FHIR's ids, less those of dots alone, which are steps of a path."""


class BaseStore:
    """Resources by type and id, and by the patient they are about. Read-only."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        """Raises TaskError where a resource has no type or id, or one stands twice."""
        self._by_id: dict[str, dict[str, Resource]] = defaultdict(dict)
        self._by_patient: dict[tuple[str, str], list[Resource]] = defaultdict(list)
        for resource in resources:
            kind, identity = resource.get("resourceType"), resource.get("id")
            if not isinstance(kind, str) or not isinstance(identity, str):
                raise TaskError("a resource without resourceType or id")
            if identity in self._by_id[kind]:
                raise TaskError(f"{kind}/{identity} stands twice")
            self._by_id[kind][identity] = resource
            if patient := patient_of(resource):
                self._by_patient[kind, patient].append(resource)

    def read(self, kind: str, identity: str) -> Resource | None:
        """The resource of a type with an id."""
        return self._by_id.get(kind, {}).get(identity)

    def all(self, kind: str) -> Iterator[Resource]:
        """Every resource of a type, in the order of the file."""
        yield from self._by_id.get(kind, {}).values()

    def about(self, kind: str, patient: str) -> Iterator[Resource]:
        """Those that are about one patient (by id), in the order of the file."""
        yield from self._by_patient.get((kind, patient), ())


class EpisodeStore:
    """The base with what one episode has created on top."""

    def __init__(self, base: BaseStore) -> None:
        self._base = base
        self._created: list[Resource] = []

    def read(self, kind: str, identity: str) -> Resource | None:
        """The resource of a type with an id."""
        own = (item for item in self._created if (item["resourceType"], item["id"]) == (kind, identity))
        return next(own, None) or self._base.read(kind, identity)

    def candidates(self, kind: str, patients: Iterable[str] | None) -> Iterator[Resource]:
        """Those of a type that are about one of the patients, or all; the episode's own come last."""
        if patients is None:
            yield from self._base.all(kind)
        else:
            for patient in patients:
                yield from self._base.about(kind, patient)
        yield from (resource for resource in self._created if resource["resourceType"] == kind)

    def create(self, resource: Resource) -> Resource:
        """Keeps a resource under an id of its own; gives it back with that id."""
        kept = {**resource, "id": f"new-{len(self._created) + 1}"}
        self._created.append(kept)
        return kept


def patient_of(resource: Resource) -> str | None:
    """The id of the patient that a resource is about."""
    subject = resource.get("subject")
    reference = subject.get("reference") if isinstance(subject, Mapping) else None
    return patient_id(reference) if isinstance(reference, str) else None


def patient_id(reference: str) -> str | None:
    """The id in `ID`, `Patient/ID` or a URL that ends so; None for a reference to anything else."""
    address, _, identity = reference.rpartition("/")
    is_patient = not address or address == "Patient" or address.endswith("/Patient")
    return identity if is_patient and IDENTITY.fullmatch(identity) else None


@lru_cache(maxsize=4)
def base_store(path: Path) -> BaseStore:
    """The store of a file with one resource in JSON a line, read once per process. Raises TaskError."""
    resources = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    resource = json.loads(line)
                except ValueError as error:
                    raise TaskError(f"{path}:{number}: not JSON ({error})") from None
                if not isinstance(resource, dict):
                    raise TaskError(f"{path}:{number}: a JSON {type(resource).__name__}, not an object")
                resources.append(resource)
        return BaseStore(resources)
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{path}: {error}") from error
