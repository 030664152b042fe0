"""Every metric is declared once; the documentation and the dashboard name what is declared, and no more."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from actors import metrics
from medgym_ray.occupancy import Use
from medgym_ray.trajectory import Termination, Turn
from tests.conftest import REPOSITORY
from tests.records import make_trajectory

_DASHBOARD = json.loads((REPOSITORY / "docs" / "grafana-dashboard.json").read_text())
_SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


class _Recorded:
    """Instead of Ray's metrics: what was recorded, by name."""

    def __init__(self) -> None:
        self.values: list[tuple[str, float, dict[str, str]]] = []

    def of(self, name: str) -> "_Recorded._One":
        assert name in metrics.METRICS
        return self._One(self, name)

    class _One:
        def __init__(self, owner: "_Recorded", name: str) -> None:
            self._owner, self._name = owner, name

        def inc(self, value: float, tags: dict[str, str] | None = None) -> None:
            assert value > 0
            assert metrics.METRICS[self._name].kind == "counter"
            self._record(value, tags or {})

        def set(self, value: float, tags: dict[str, str] | None = None) -> None:
            assert metrics.METRICS[self._name].kind == "gauge"
            self._record(value, tags or {})

        def observe(self, value: float) -> None:
            assert metrics.METRICS[self._name].kind == "histogram"
            self._record(value, {})

        def _record(self, value: float, tags: dict[str, str]) -> None:
            assert tuple(tags) == metrics.METRICS[self._name].tags
            self._owner.values.append((self._name.removeprefix("medgym_"), value, tags))


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> _Recorded:
    """What the code under test records."""
    found = _Recorded()
    monkeypatch.setattr(metrics, "_metric", found.of)
    return found


def test_a_trajectory_is_counted_once_with_the_times_of_its_turns(recorded: _Recorded) -> None:
    tokens = {"prompt_tokens": 100, "cached_tokens": 60, "completion_tokens": 7}
    asked = Turn(**tokens, generate_ms=900, execute_ms=100, queue_ms=5, status="ok")
    turns = [asked, Turn(generate_ms=500)]
    metrics.done(make_trajectory("t", turns=turns, family="f", termination=Termination.WRONG.value))
    assert recorded.values == [
        ("trajectories_total", 1, {"family": "f", "outcome": "wrong"}),
        ("turns_total", 2, {}),
        ("generated_tokens_total", 7, {}),
        ("prompt_tokens_total", 100, {}),
        ("cached_prompt_tokens_total", 60, {}),
        ("turn_seconds", 1.0, {}),
        ("cell_seconds", 0.1, {}),
        ("queue_seconds", 0.005, {}),
        ("turn_seconds", 0.5, {}),
    ]


def test_load_failures_and_acknowledgements(recorded: _Recorded) -> None:
    metrics.load(3, Use(places=8, busy=2))
    metrics.failed("SandboxError")
    metrics.acknowledged(3, 0.01)
    assert recorded.values == [
        ("active_episodes", 3, {}),
        ("busy_sandboxes", 2, {}),
        ("sandbox_slots", 8, {}),
        ("failures_total", 1, {"error_class": "SandboxError"}),
        ("acknowledged_total", 3, {}),
        ("acknowledge_seconds", 0.01, {}),
    ]


def test_a_replica_tells_its_requests_and_its_busy_seconds(
    recorded: _Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("medgym_ray.occupancy.time.monotonic", lambda: now)
    meter = metrics.ReplicaMeter("replica-1")
    with meter.request():
        now = 2.0
        meter.tell()
        with meter.request():
            now = 5.0
            meter.tell()
    now = 9.0
    assert meter.tell() == Use(places=1, busy=0, place_s=9, busy_s=5)
    here = {"replica": "replica-1"}
    assert recorded.values == [
        ("replica_requests_in_flight", 1, here),
        ("replica_busy_seconds_total", 2, here),
        ("replica_requests_in_flight", 2, here),
        ("replica_busy_seconds_total", 3, here),
        ("replica_requests_in_flight", 0, here),
    ]


def test_the_declarations_are_what_ray_and_prometheus_take() -> None:
    for name, declared in metrics.METRICS.items():
        assert re.fullmatch(r"medgym_[a-z_]+", name)
        assert name.endswith("_total") == (declared.kind == "counter")
        assert bool(declared.bounds) == (declared.kind == "histogram")
        assert list(declared.bounds) == sorted(set(declared.bounds))
        metric = metrics._metric(name)
        assert metric.info["tag_keys"] == (*declared.tags, "run")
        assert metric.info["default_tags"] == {"run": ""}


def test_the_documentation_lists_them() -> None:
    assert metrics.table() in (REPOSITORY / "docs" / "metrics.md").read_text()


def _expressions() -> Iterator[str]:
    for panel in _DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in _DASHBOARD["templating"]["list"]:
        query: Any = variable["query"]
        if variable["type"] == "query":
            yield query["query"]


def test_every_expression_of_the_dashboard_names_metrics_and_labels_that_exist() -> None:
    series = {f"ray_{n}{s}": d for n, d in metrics.METRICS.items() for s in _SUFFIXES[d.kind]}
    named = set()
    for expression in _expressions():
        found = re.findall(r"\bray_\w+", expression)
        assert found, expression
        assert not set(found) - set(series), expression
        labels = {label for name in found for label in (*series[name].tags, "run", "le")}
        used = re.findall(r"(\w+)\s*=~?\s*\"", expression)
        for group in re.findall(r"by \(([^)]*)\)", expression):
            used += [label.strip() for label in group.split(",")]
        assert set(used) <= labels, expression
        assert expression.count("(") == expression.count(")")
        named.update(found)
    assert {name.removesuffix("_bucket") for name in named} == {
        f"ray_{name}" for name in metrics.METRICS if name != "medgym_acknowledged_total"
    }


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert _DASHBOARD["schemaVersion"] >= 38, "Grafana 10"
    assert {v["name"]: v["type"] for v in _DASHBOARD["templating"]["list"]}["datasource"] == "datasource"
    panels = _DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
