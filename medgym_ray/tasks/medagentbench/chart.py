"""Where gold comes from: the patients and observations that the task's server holds, read without going through it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import httpx

from medgym_ray.errors import TaskError
from medgym_ray.fhir.store import BaseStore, Resource

_TIMEOUT_S = 30.0


class Chart(Protocol):
    """What the reference functions ask."""

    def patient(self, mrn: str) -> Resource | None:
        """The patient with that record number."""
        ...

    def born_on(self, birth_date: str) -> Sequence[Resource]:
        """Patients with that date of birth."""
        ...

    def observations(self, mrn: str, code: str) -> Sequence[Resource]:
        """All observations of a patient whose code is `code`."""
        ...


class StoreChart(Chart):
    """The chart of a base store."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    def patient(self, mrn: str) -> Resource | None:
        """See `Chart.patient`; record numbers are the ids here."""
        return self._store.read("Patient", mrn)

    def born_on(self, birth_date: str) -> Sequence[Resource]:
        """See `Chart.born_on`."""
        return [patient for patient in self._store.all("Patient") if patient.get("birthDate") == birth_date]

    def observations(self, mrn: str, code: str) -> Sequence[Resource]:
        """See `Chart.observations`."""
        return [one for one in self._store.about("Observation", mrn) if code in _codes(one)]


class RemoteChart(Chart):
    """The chart of a real FHIR server. Every method raises TaskError where it does not answer."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def patient(self, mrn: str) -> Resource | None:
        """See `Chart.patient`."""
        return next(iter(self._search("Patient", identifier=mrn)), None)

    def born_on(self, birth_date: str) -> Sequence[Resource]:
        """See `Chart.born_on`."""
        return self._search("Patient", birthdate=birth_date)

    def observations(self, mrn: str, code: str) -> Sequence[Resource]:
        """See `Chart.observations`."""
        return self._search("Observation", patient=mrn, code=code)

    def _search(self, kind: str, **parameters: str) -> list[Resource]:
        found: list[Resource] = []
        url: str | None = f"{self._base_url}/{kind}"
        query: dict[str, str] | None = {**parameters, "_count": "5000", "_format": "json"}
        with httpx.Client(timeout=_TIMEOUT_S) as client:
            while url:
                try:
                    response = client.get(url, params=query)
                    response.raise_for_status()
                    bundle = response.json()
                except (httpx.HTTPError, ValueError) as error:
                    raise TaskError(f"the FHIR server at {self._base_url} does not answer: {error}") from error
                found += [entry["resource"] for entry in bundle.get("entry", [])]
                url = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
                query = None  # the link has it all
        return found


def _codes(observation: Mapping[str, Any]) -> set[str]:
    concept = observation.get("code", {})
    return {coding.get("code") for coding in concept.get("coding", [])} | {concept.get("text")}
