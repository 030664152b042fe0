"""An audit that was written can be read again."""

from dataclasses import replace
from pathlib import Path

import pytest

from medgym_ray.audit.bounds import Violation
from medgym_ray.audit.constants import Constant
from medgym_ray.audit.report import JSON, CaseRow, FamilyReport, read, summary_markdown, write
from medgym_ray.errors import ConfigError


def _report(name: str, *, restricted: bool) -> FamilyReport:
    case = CaseRow("cheat", "dump", "print(0)", runs=4, accepted=1, reward=0.25, paper=None, paid_for=[f"{name}/1"])
    broken = Violation(name, f"{name}/1", "dump", "must earn nothing", "it earned 1")
    return FamilyReport(name, restricted, "2", 4, {}, [case], Constant("7", 0.5, 3), [broken])


def test_an_audit_is_read_as_it_was_written(tmp_path: Path) -> None:
    reports = [_report("medcalcbench", restricted=False), _report("mimic_iii", restricted=True)]
    write(tmp_path, reports, {})
    found = read(tmp_path / JSON)
    assert found[0] == reports[0]
    assert found[1] == replace(reports[1], constant=Constant("", 0.5, 3))  # a gold that may not be told
    assert summary_markdown(found) == summary_markdown(reports)


def test_what_is_no_audit_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(ConfigError, match=r"not the audit\.json of an audit"):
        read(tmp_path / "other.json")
