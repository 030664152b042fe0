"""What of a restricted row may be seen."""

import dataclasses
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.errors import StorageError
from medgym_ray.publish.__main__ import run
from medgym_ray.publish.checks import verify
from medgym_ray.publish.redaction import DECISIONS, TURN_DECISIONS, EachOf, Keep, leaking, redact, redacted
from medgym_ray.publish.settings import DraftConfig, PublishConfig
from medgym_ray.publish.survey import survey
from medgym_ray.store.stored import open_run
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, TURN, Trajectory, Turn, to_batch
from tests.publish.runs import played, write_run
from tests.records import make_failure, make_trajectory

KEY = b"k" * 32
_LETTERS = st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Cn"])
_WORDS = st.text(_LETTERS, min_size=8).map("ø{}".format)
"""None of which is anywhere by accident."""


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or (pa.types.is_list(kind) and _is_text(kind.value_type))


def _filled(record: type, text: str, **more: object) -> dict[str, object]:
    """Every text column of a record."""
    kinds = {f.name: f.metadata["arrow"] for f in dataclasses.fields(record)}
    fill = {name: text if pa.types.is_string(kind) else [text] for name, kind in kinds.items() if _is_text(kind)}
    return {**fill, **more}


def _patient(text: str, number: int) -> Trajectory:
    turn = Turn(**_filled(Turn, text, completion_token_ids=[777_777_777], completion_logprobs=[-0.777]))  # type: ignore[arg-type]
    told = _filled(
        Trajectory,
        text,
        messages=[{"role": text, "content": text}],
        turns=[turn, turn],
        token_ids=[777_777_777],
        prompt_token_ids=[777_777_777],
        loss_mask=[1],
        logprobs=[-0.777],
        sampling=json.dumps({"temperature": 0.7, "stop": text, text: 1}),
        provenance=json.dumps({"task_sha256": text, text: text}),
        rollout_index=number,
    )
    identity = f"{text} {number}"
    return make_trajectory(identity, **(told | {"trajectory_id": identity, "restricted": True}))


def test_every_column_has_a_decision() -> None:
    assert set(DECISIONS) == set(TRAJECTORY_SCHEMA.names)
    assert set(TURN_DECISIONS) == {field.name for field in TURN}


def test_nothing_that_could_hold_text_is_kept() -> None:
    kinds = {f.name: f.type for f in TRAJECTORY_SCHEMA} | {f"turns.{f.name}": f.type for f in TURN}
    rules = {**DECISIONS, **{f"turns.{name}": rule for name, rule in TURN_DECISIONS.items()}}
    assert isinstance(rules["turns"], EachOf)
    for name, rule in rules.items():
        assert not (isinstance(rule, Keep) and pa.types.is_nested(kinds[name])), name
        assert not (isinstance(rule, Keep) and _is_text(kinds[name])), name


def test_a_column_without_a_decision_cannot_be_redacted() -> None:
    batch = pa.RecordBatch.from_pydict({"restricted": [True], "diary": ["dear diary"]})
    with pytest.raises(KeyError, match="diary"):
        redact(batch, KEY)


def test_open_rows_stay_as_they_are_and_in_their_places() -> None:
    rows = [played("mimic_iii", n, restricted=n in (1, 2, 5)) for n in range(7)]
    batch = to_batch(rows, TRAJECTORY_SCHEMA)
    seen = redact(batch, KEY)
    assert seen.schema == batch.schema
    assert seen.column("wall_ms").equals(batch.column("wall_ms"))
    assert seen.column("rollout_index").to_pylist() == [n % 2 for n in range(7)]
    for place, row in enumerate(rows):
        if row.restricted:
            assert seen.column("messages")[place].as_py() is None
        else:
            assert seen.slice(place, 1).to_pylist() == batch.slice(place, 1).to_pylist()


def test_scores_counts_and_times_are_kept_and_rollouts_still_belong_together() -> None:
    rows = [played("mimic_iii", n, restricted=True, wall_ms=5.0) for n in range(4)]
    seen = redact(to_batch(rows, TRAJECTORY_SCHEMA), KEY).to_pylist()
    assert [row["reward"] for row in seen] == [row.reward for row in rows]
    assert [row["termination"] for row in seen] == [row.termination for row in rows]
    assert [row["sampling"] for row in seen] == ["{}"] * 4
    assert seen[0]["turns"][0]["completion_tokens"] == 2
    assert seen[0]["turns"][0]["action"] == "submit"
    assert seen[0]["turns"][0]["arguments"] is None
    assert seen[0]["group_id"] == seen[1]["group_id"] != seen[2]["group_id"]
    assert len({row["trajectory_id"] for row in seen}) == 4
    assert redact(to_batch(rows, TRAJECTORY_SCHEMA), b"other").to_pylist()[0]["task_id"] != seen[0]["task_id"]


def test_what_is_not_redacted_is_found_by_column() -> None:
    batch = to_batch([played("mimic_iii", 0, restricted=True), played("f", 1)], TRAJECTORY_SCHEMA)
    found = leaking(batch)
    assert {"messages", "turns", "token_ids", "task_id", "answer", "provenance", "score_reason"} <= set(found)
    assert leaking(redact(batch, KEY)) == []
    assert leaking(to_batch([played("medcalcbench", 1)], TRAJECTORY_SCHEMA)) == []


@given(text=_WORDS, rest=_WORDS)
def test_no_text_survives_in_any_column(text: str, rest: str) -> None:
    patient = f"{text} {rest}"
    seen = redact(to_batch([_patient(patient, 0)], TRAJECTORY_SCHEMA), KEY)
    assert leaking(seen) == []
    told = str(seen.to_pylist())
    assert text not in told
    assert rest not in told
    assert "777" not in str([seen.column(name) for name in ("token_ids", "logprobs", "turns")])


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_WORDS, rest=_WORDS)
def test_no_text_survives_in_any_byte_of_what_is_published(
    text: str, rest: str, tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path_factory.mktemp("run")
    patient = f"{text} {rest}"
    rows = [*(_patient(patient, n) for n in range(2)), *(played("medcalcbench", n) for n in range(2))]
    lost = make_failure("0" * 32, task_id=patient, message=patient, error_class=patient)
    stored = write_run(root / "stored", rows, [lost])
    target = root / "seen"
    run(PublishConfig(run=str(stored), redact=True, output=DraftConfig(str(target))))
    told = capfd.readouterr()
    seen = [told.out, told.err, *map(str, target.rglob("*"))]
    for path in (path for path in target.rglob("*") if path.is_file()):
        content = path.read_bytes()
        seen.append(content.decode("utf-8", "replace"))
        if path.suffix == ".parquet":  # what is compressed in it
            table = pq.read_table(path)
            seen += [str(table.to_pylist()), str(table.schema.metadata), str(pq.read_metadata(path).metadata)]
        else:
            seen.append(json.dumps(content.decode()))
    for word in (text, rest):
        for form in {word, json.dumps(word)[1:-1], repr(word)[1:-1]}:
            assert not any(form in each for each in seen)


def test_files_that_are_not_redacted_are_not_published(tmp_path: Path) -> None:
    from medgym_ray.publish.files import write_rows

    stored = open_run(str(write_run(tmp_path / "run", [played("mimic_iii", n, restricted=True) for n in range(3)])))
    found = survey(stored)
    write_rows(stored, found, tmp_path / "plain")
    with pytest.raises(StorageError, match="messages"):
        verify(tmp_path / "plain", found, redact=True)
    verify(tmp_path / "plain", found, redact=False)
    write_rows(redacted(stored), survey(redacted(stored)), tmp_path / "seen")
    verify(tmp_path / "seen", found, redact=True)


def test_figures_are_those_of_the_run(tmp_path: Path) -> None:
    from medgym_ray.publish.card import figures_of

    rows = [played("mimic_iii", n, restricted=True) for n in range(6)]
    lost = [make_failure(f"{n:032x}", task_id="mimic_iii/0", rollout_index=n) for n in (0, 9)]
    stored = open_run(str(write_run(tmp_path / "run", rows, lost)))
    plain, seen = figures_of(stored), figures_of(redacted(stored))
    assert sorted(seen.tasks["successes"]) == sorted(plain.tasks["successes"]) != []
    assert seen.failures == plain.failures
    assert plain.failures.lost == 1
    assert seen.rollouts.frame["termination:wrong"].tolist() == plain.rollouts.frame["termination:wrong"].tolist()
