"""What the page says in numbers: the catalogue, the summary and the index of a run."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.store.stored import open_run
from medgym_ray.trajectory import Turn
from medgym_ray.view.catalogue import read_catalogue
from medgym_ray.view.index import make_index
from medgym_ray.view.summary import summarise, throughput
from tests.records import NOW, make_trajectory
from tests.view.stored_runs import mixed_run, store_run


def test_turns_are_summed_and_the_judge_costs_too(tmp_path: Path) -> None:
    turns = [Turn(completion_tokens=3, prompt_tokens=5, cost_usd=0.25), Turn(completion_tokens=4, prompt_tokens=9)]
    first = make_trajectory("t1", turns=turns, judge_cost_usd=0.5)
    run = open_run(str(store_run(tmp_path, [first, make_trajectory("t2", turns=[])])))
    rows = read_catalogue(run).to_pylist()
    assert [(r["completion_tokens"], r["prompt_tokens"], r["cost_usd"]) for r in rows] == [(7, 14, 0.75), (0, 0, 0.0)]


def test_the_figures_of_a_mixed_run(tmp_path: Path) -> None:
    run = open_run(str(mixed_run(tmp_path, tasks=6)))
    summary = summarise(run, read_catalogue(run))
    totals = summary["totals"]
    assert (totals["n"], totals["successes"], totals["tasks"], totals["restricted"]) == (12, 6, 6, 2)
    assert totals["low"] < 0.5 < totals["high"]
    assert totals["generated_tokens"] == 36
    assert [(f["name"], f["n"], f["successes"]) for f in summary["families"]] == [("a", 6, 3), ("b", 6, 3)]
    assert {c["name"] for c in summary["families"][0]["categories"]} == {"odd", "even"}
    assert summary["turns"] == [[2, 12, 6]]
    assert sorted(summary["terminations"]) == [["max_turns", 6], ["success", 6]]
    assert summary["flags"] == [["repeated_action", 6]]
    assert summary["failures"] == [["SandboxError", 2, 1]]
    assert summary["dropped"] == 1
    assert [event["event"] for event in summary["events"]] == ["run_started", "actor_lost"]


def test_wilsons_interval(tmp_path: Path) -> None:
    run = open_run(str(store_run(tmp_path, [make_trajectory(f"t{n}", success=n < 8) for n in range(10)])))
    totals = summarise(run, read_catalogue(run))["totals"]
    assert totals["low"] == pytest.approx(0.49016, abs=1e-4)  # Wilson 1927, as in any textbook for 8 of 10
    assert totals["high"] == pytest.approx(0.94331, abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200)), min_size=1, max_size=20))
def test_time_that_was_played_is_neither_lost_nor_made_up(spans: list[tuple[int, int]]) -> None:
    rows = [
        make_trajectory(f"t{n}", started_at=NOW + timedelta(seconds=s), finished_at=NOW + timedelta(seconds=s + d))
        for n, (s, d) in enumerate(spans)
    ]
    frame = pa.table({k: [getattr(r, k) for r in rows] for k in ("started_at", "finished_at")}).to_pandas()
    found = throughput(frame)
    assert sum(found["finished"]) == len(spans)
    rounding = 0.005 * len(found["active"]) * found["step_s"] + 1e-6
    assert sum(found["active"]) * found["step_s"] == pytest.approx(sum(d for _, d in spans), abs=rounding)


def test_the_index_names_every_row_and_says_each_word_once(tmp_path: Path) -> None:
    run = open_run(str(mixed_run(tmp_path, tasks=4)))
    index = make_index(read_catalogue(run), restricted=True)
    assert index["rows"] == 8
    assert index["family"]["words"] == ["a", "b"]
    assert [index["task_id"]["words"][code] for code in index["task_id"]["codes"]] == [
        *("a/0", "a/0", "b/1", "b/1", "a/2", "a/2", "b/3", "b/3")
    ]
    assert index["flags"] == {"words": ["repeated_action"], "codes": [[], [0]] * 4}
    assert index["answer"] == ["0", None, "1", None, "2", None, "3", None]


def test_answers_of_restricted_rows_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    run = open_run(str(mixed_run(tmp_path, tasks=2)))
    assert make_index(read_catalogue(run), restricted=False)["answer"] == ["0", None, None, None]
