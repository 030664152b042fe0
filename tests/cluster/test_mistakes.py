"""The oracle that makes mistakes, end to end: real errors, real repairs, and every reward earned all the same."""

import json
from pathlib import Path

from tests.cluster.command import generate, rows


def test_every_trajectory_fails_first_and_succeeds_in_the_end(tmp_path: Path) -> None:
    run = tmp_path / "run"
    families = "tasks.families=[biocoder,medcalcbench,npowerai]"
    ended = generate("+model=oracle", "model.mistakes=1.0", families, "tasks.limit=3", f"output.dir={run}")
    assert ended.code == 0, ended.err
    found = rows(run)
    assert len(found) == 9
    for row in found:
        statuses = [turn["status"] for turn in row["turns"]]
        assert row["success"], row["task_id"]
        assert "error" in statuses[:-1]
        assert statuses[-1] == "ok"
        assert row["graded_guesses"] == 1
    debugged = [turn for row in found for turn in row["turns"] if turn["action"] == "debugging"]
    assert all("Error" in json.loads(turn["arguments"])["error_msg"] for turn in debugged)


def test_a_rate_beyond_1_is_one_line(tmp_path: Path) -> None:
    ended = generate("model.mistakes=2", f"output.dir={tmp_path / 'run'}")
    assert (ended.code, ended.complaint) == (2, "medgym_ray: model.mistakes=2.0: must lie in [0, 1]")
