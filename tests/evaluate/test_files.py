"""What a verifier and a reference may hold, and the one line for what they may not."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgym_ray.errors import ConfigError
from medgym_ray.evaluate.reference import read_reference
from medgym_ray.evaluate.verifier import read_scores


def test_scores_are_read_from_json_lines_and_from_parquet(tmp_path: Path) -> None:
    lines = tmp_path / "scores.jsonl"
    lines.write_text('{"trajectory_id": "a", "score": 1}\n\n{"trajectory_id": "b", "score": -0.5, "more": []}\n')
    table = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"score": [1.0, -0.5], "trajectory_id": ["a", "b"], "more": [1, 2]}), table)
    assert read_scores([str(lines)]) == read_scores([str(table)]) == {"a": 1.0, "b": -0.5}
    third = tmp_path / "more.jsonl"
    third.write_text('{"trajectory_id": "c", "score": 2}\n')
    assert read_scores([str(third), str(table)]) == {"a": 1.0, "b": -0.5, "c": 2.0}
    with pytest.raises(ConfigError, match=r"scores\.parquet: row 0: a second score for a"):
        read_scores([str(lines), str(table)])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", ":2: not JSON"),
        ("[]", ':2: give "trajectory_id" (text) and "score" (a finite number)'),
        ('{"trajectory_id": "b"}', ':2: give "trajectory_id"'),
        ('{"trajectory_id": 5, "score": 1}', ':2: give "trajectory_id"'),
        ('{"trajectory_id": "b", "score": "high"}', ':2: give "trajectory_id"'),
        ('{"trajectory_id": "b", "score": NaN}', ':2: give "trajectory_id"'),
        ('{"trajectory_id": "b", "score": true}', ':2: give "trajectory_id"'),
        ('{"trajectory_id": "a", "score": 2}', ":2: a second score for a; keep one"),
    ],
)
def test_a_line_that_is_no_score_is_named(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "scores.jsonl"
    file.write_text(f'{{"trajectory_id": "a", "score": 1}}\n{line}\n')
    with pytest.raises(ConfigError) as refused:
        read_scores([str(file)])
    assert str(refused.value).startswith(f"{file}{told}")


def test_a_verifiers_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"verifier=.*nowhere\.jsonl: No such file"):
        read_scores([str(tmp_path / "nowhere.jsonl")])
    with pytest.raises(ConfigError, match=r"verifier=.*nowhere\.parquet: "):
        read_scores([str(tmp_path / "nowhere.parquet")])
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(ConfigError, match="no scores in it"):
        read_scores([str(tmp_path / "empty.jsonl")])
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(ConfigError, match=r"text\.parquet: "):
        read_scores([str(tmp_path / "text.parquet")])
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"bytes\.jsonl: "):
        read_scores([str(tmp_path / "bytes.jsonl")])
    pq.write_table(pa.table({"id": ["a"], "score": [1.0]}), tmp_path / "other.parquet")
    with pytest.raises(ConfigError, match="its columns are id, score; give"):
        read_scores([str(tmp_path / "other.parquet")])


def test_published_figures_are_read_as_such(tmp_path: Path) -> None:
    file = tmp_path / "published.csv"
    file.write_text('family,model,value,source\nf,Big,0.25,"A, B 2025"\nall,Big,1,"A, B 2025"\n', encoding="utf-8-sig")
    first, last = read_reference(str(file))
    assert (first.family, first.run, first.value, first.source) == ("f", "Big", 0.25, "A, B 2025")
    assert (first.metric, first.interval, first.low) == ("success", "published", None)
    assert (last.family, last.value) == ("all", 1.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "its first line is ''; give family,model,value,source"),
        ("family,model,value\n", "its first line is 'family,model,value'; give"),
        ("family,model,value,source\n", "no figures in it"),
        ("family,model,value,source\nf,Big,0.5,\n", ":2: no source; give"),
        ("family,model,value,source\nf,Big\n", ":2: no value; give"),
        ("family,model,value,source\nf,Big,0.5,s,t\n", ":2: too many values; give"),
        ("family,model,value,source\nf,Big,59.7,s\n", ":2: value=59.7: give a share from 0 to 1"),
        ("family,model,value,source\nf,Big,high,s\n", ":2: value=high: give a share"),
        ("family,model,value,source\nf,Big,nan,s\n", ":2: value=nan: give a share"),
        ("family,model,value,source\nf,Big,0.5,s\nf,Big,0.6,s\n", ":3: a second value of Big for f; keep one"),
        ('family,model,value,source\nf,"Big,0.5,s\n', "reference="),
    ],
)
def test_a_reference_that_cannot_be_used_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "published.csv"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_reference(str(file))
    assert told in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_reference_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"reference=.*nowhere\.csv: No such file"):
        read_reference(str(tmp_path / "nowhere.csv"))
