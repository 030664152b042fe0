"""Task files: every broken record is named with file and line, every other one is read."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.errors import TaskError
from medgym_ray.tasks.base import LoadReport
from medgym_ray.tasks.records import read_jsonl


def _read(path: Path, content: bytes) -> tuple[list[tuple[int, dict[str, Any]]], LoadReport]:
    path.write_bytes(content)
    report = LoadReport()
    return [(record.line, record.fields) for record in read_jsonl(path, report)], report


def test_broken_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "test_tasks.jsonl"
    lines = [
        b'{"a": 1}',
        b"",
        b"{not json",
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe{}",
        b"  ",
        b'{"b": "\xc3\xa9"}\r',
        b"null",
    ]
    records, report = _read(path, b"\n".join(lines))
    assert records == [(1, {"a": 1}), (8, {"b": "é"})]
    assert [broken.removeprefix(f"{path}:").split(":")[0] for broken in report.broken] == ["3", "4", "5", "6", "9"]
    assert "not JSON" in report.broken[0]
    assert "a JSON list, not an object" in report.broken[1]


def test_nesting_without_end_is_a_broken_record(tmp_path: Path) -> None:
    records, report = _read(tmp_path / "f", b'{"a": ' * 100_000 + b'\n{"b": 1}\n')
    assert records == [(2, {"b": 1})]
    assert len(report.broken) == 1


def test_a_records_hash_is_of_its_line(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b'{"a": 1}\r\n{"a":1}')
    hashes = [record.sha256 for record in read_jsonl(path, LoadReport())]
    assert hashes == [hashlib.sha256(line).hexdigest() for line in (b'{"a": 1}', b'{"a":1}')]


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"nothing\.jsonl: No such file"):
        list(read_jsonl(tmp_path / "nothing.jsonl", LoadReport()))
    with pytest.raises(TaskError, match="Is a directory"):
        list(read_jsonl(tmp_path, LoadReport()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=20) | st.dictionaries(st.text(), st.text() | st.integers()), max_size=8))
def test_every_line_is_read_reported_or_empty(tmp_path: Path, content: list[bytes | dict[str, Any]]) -> None:
    lines = [json.dumps(c, ensure_ascii=False).encode() if isinstance(c, dict) else c for c in content]
    records, report = _read(tmp_path / "f", b"\n".join(lines))
    numbered = [line.strip() for line in b"\n".join(lines).split(b"\n")]
    broken = [int(text.removeprefix(f"{tmp_path / 'f'}:").split(":")[0]) for text in report.broken]
    assert sorted([n for n, _ in records] + broken) == [n for n, line in enumerate(numbered, 1) if line]
    given_objects = [c for c in content if isinstance(c, dict)]
    assert [fields for _, fields in records if fields in given_objects] == given_objects
