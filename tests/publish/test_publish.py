"""The command and a Hub: what is there afterwards is what the run holds, or nothing is."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from medgym_ray.store.stored import open_run
from tests.conftest import REPOSITORY
from tests.export.runs import export
from tests.publish.hub import TOKEN, Hub, serving
from tests.publish.runs import command, environment, played, publish, publish_alone, write_run

THIRD_PARTY = "http://203.0.113.7:9"
"""An address of nobody's."""

_LOAD = """
import json, sys
import datasets
repo, *names = sys.argv[1:]
found = {}
for name in names:
    for split, rows in datasets.load_dataset(repo, name).items():
        found.setdefault(name, {})[split] = rows.to_list()
print(json.dumps(found, default=str))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as serves:
        yield serves


def _load(hub: Hub, home: Path, repo: str, *names: str) -> dict[str, dict[str, list[dict[str, Any]]]]:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, repo, *names], env=environment(hub.url, home), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(done.stdout)
    return found


def _rows(run: Path) -> list[dict[str, Any]]:
    """As they come through JSON, sorted."""
    rows = [row for batch in open_run(str(run)).trajectories() for row in batch.to_pylist()]
    plain: list[dict[str, Any]] = json.loads(json.dumps(rows, default=str))
    return sorted(plain, key=lambda row: str(row["trajectory_id"]))


def _sorted(*parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((row for part in parts for row in part), key=lambda row: str(row["trajectory_id"]))


def _one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stderr.startswith("medgym_ray: ")
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done.stderr


def _mixed(root: Path, **more: Any) -> Path:
    rows = [played(family, n) for family in ("medcalcbench", "npowerai") for n in range(6)]
    return write_run(root, rows, **more)


def test_what_is_loaded_from_the_hub_is_the_run(hub: Hub, tmp_path: Path) -> None:
    run = _mixed(tmp_path / "run")
    view = export(run, "sft", tmp_path / "sft", validation=0.5)
    done = publish_alone(hub.url, tmp_path, f"run={run}", "repo=me/mixed", f"views=[{view}]")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.url}/datasets/me/mixed: 12 trajectories")
    repository = hub.repositories["me/mixed"]
    assert repository.private
    assert len(repository.commits) == 1
    loaded = _load(hub, tmp_path, "me/mixed", "default", "medcalcbench", "npowerai", "sft")
    assert set(loaded["default"]) == {"train", "test"}
    assert _sorted(*loaded["default"].values()) == _rows(run)
    for split, rows in loaded["default"].items():
        assert {row["split"] for row in rows} == {split}
    for family in ("medcalcbench", "npowerai"):
        assert _sorted(*loaded[family].values()) == [row for row in _rows(run) if row["family"] == family]
    sft = pq.read_table(view / "data").to_pylist()
    assert sorted(str(row["messages"]) for rows in loaded["sft"].values() for row in rows) == sorted(
        str(row["messages"]) for row in sft
    )
    assert TOKEN.encode() not in hub.bytes_received()
    listed = json.loads(repository.files["manifest.json"])
    assert {file["path"] for file in listed["files"]} == {path for path in repository.files if path.endswith("parquet")}
    assert (listed["trajectories"], listed["redacted"], listed["restricted"]) == (12, False, 0)


def test_again_uploads_nothing_and_what_is_gone_is_removed(hub: Hub, tmp_path: Path) -> None:
    run = _mixed(tmp_path / "run")
    assert publish(hub.url, tmp_path, f"run={run}", "repo=me/twice").returncode == 0
    stored, before = list(hub.stored), dict(hub.repositories["me/twice"].files)
    assert publish(hub.url, tmp_path, f"run={run}", "repo=me/twice").returncode == 0
    assert hub.stored == stored
    assert hub.repositories["me/twice"].files == before
    hub.repositories["me/twice"].files["data/old/test-00000.parquet"] = b"?"
    hub.repositories["me/twice"].files["LICENSE"] = b"theirs"
    other = write_run(tmp_path / "other", [played("npowerai", n) for n in range(3)])
    assert publish(hub.url, tmp_path, f"run={other}", "repo=me/twice").returncode == 0
    files = hub.repositories["me/twice"].files
    assert {path.rpartition("/")[0] for path in files} == {"", "data/npowerai"}
    assert files["LICENSE"] == b"theirs"


def test_killed_in_the_middle_the_same_command_goes_on(hub: Hub, tmp_path: Path) -> None:
    rows = [played(family, n) for family in ("biocoder", "medcalcbench", "npowerai") for n in range(6)]
    run = write_run(tmp_path / "run", rows)
    hub.hold_after = 3
    process = subprocess.Popen(
        command(f"run={run}", "repo=me/killed"), env=environment(hub.url, tmp_path), stdout=subprocess.DEVNULL
    )
    assert hub.holding.wait(100)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = list(hub.stored)
    assert len(kept) == 3
    assert hub.repositories["me/killed"].files == {}
    hub.hold_after = None
    assert publish(hub.url, tmp_path, f"run={run}", "repo=me/killed").returncode == 0
    assert hub.stored[:3] == kept
    assert len(hub.stored) == len(set(hub.stored)) == 6
    assert _sorted(*_load(hub, tmp_path, "me/killed", "default")["default"].values()) == _rows(run)


def test_a_hub_that_fails_in_the_middle_is_one_line_and_the_same_command_goes_on(hub: Hub, tmp_path: Path) -> None:
    run = _mixed(tmp_path / "run")
    hub.fail_after = 1
    done = publish(hub.url, tmp_path, f"run={run}", "repo=me/failing")
    assert "the same command goes on" in _one_line(done, 1)
    assert hub.repositories["me/failing"].files == {}
    assert not list(tmp_path.glob("medgym-publish-*"))
    hub.fail_after = None
    assert publish(hub.url, tmp_path, f"run={run}", "repo=me/failing").returncode == 0
    assert len(hub.stored) == len(set(hub.stored)) == 4


def test_who_may_see_it_is_never_changed(hub: Hub, tmp_path: Path) -> None:
    run = _mixed(tmp_path / "run")
    done = publish(hub.url, tmp_path, f"run={run}", "repo=me/open", "private=false")
    assert done.returncode == 0, done.stderr
    assert not hub.repositories["me/open"].private
    stored = list(hub.stored)
    line = _one_line(publish(hub.url, tmp_path, f"run={run}", "repo=me/open", "private=true"), 2)
    assert "is public" in line
    hub.repositories["me/open"].private = True
    line = _one_line(publish(hub.url, tmp_path, f"run={run}", "repo=me/open", "private=false"), 2)
    assert "is private" in line
    assert hub.stored == stored


@pytest.mark.parametrize(
    ("status", "code", "word"), [(401, 2, "HF_TOKEN"), (403, 2, "right to write"), (404, 1, "404")]
)
def test_what_a_hub_refuses_is_one_line(hub: Hub, tmp_path: Path, status: int, code: int, word: str) -> None:
    run = _mixed(tmp_path / "run")
    hub.refuse = status
    assert word in _one_line(publish(hub.url, tmp_path, f"run={run}", "repo=me/refused"), code)


def test_without_a_token_or_a_network_is_one_line(tmp_path: Path) -> None:
    run = _mixed(tmp_path / "run")
    dead = "http://127.0.0.1:9"
    assert "no token" in _one_line(publish(dead, tmp_path, f"run={run}", "repo=me/x", token=""), 2)
    assert "cannot be reached" in _one_line(publish(dead, tmp_path, f"run={run}", "repo=me/x"), 1)
    offline = publish(dead, tmp_path, f"run={run}", "repo=me/x", offline=True)
    assert "HF_HUB_OFFLINE" in _one_line(offline, 2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "one of them"),
        (["repo=me/x", "output.dir=out"], "one of them"),
        (["repo=x"], "not the name"),
        (["repo=me/x/y"], "not the name"),
        (["repo=me/../x"], "not the name"),
        (["repo=me/x y"], "not the name"),
        (["repo=me/x", "audit=no.json"], "cannot be read"),
        (["repo=me/x", "views=[nowhere]"], "is not what medgym_ray.export makes"),
        (["repo=me/x", "privacy.allow_third_party=true"], "name the agreement"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path: Path, arguments: list[str], word: str) -> None:
    run = _mixed(tmp_path / "run")
    assert word in _one_line(publish("http://127.0.0.1:9", tmp_path, f"run={run}", *arguments), 2)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_a_run_that_is_not_finished_or_broken_is_refused(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"
    rows = [played("npowerai", n) for n in range(3)]
    running = write_run(tmp_path / "running", rows, in_log=[played("npowerai", 3)])
    assert "unfinished run" in _one_line(publish(dead, tmp_path, f"run={running}", "repo=me/x"), 2)
    broken = write_run(tmp_path / "broken", rows)
    shard = next((broken / "trajectories").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:100])
    line = _one_line(publish(dead, tmp_path, f"run={broken}", f"output.dir={tmp_path / 'out'}"), 1)
    assert "restore it from a copy" in line
    assert not (tmp_path / "out").exists()


def test_restricted_rows_go_nowhere_by_themselves(hub: Hub, tmp_path: Path) -> None:
    rows = [played("mimic_iii", n, restricted=n == 5) for n in range(6)]
    run = write_run(tmp_path / "run", rows)
    line = _one_line(publish(hub.url, tmp_path, f"run={run}", "repo=me/p", "private=false"), 2)
    assert "may not be made public" in line
    agreed = ["privacy.allow_third_party=true", "privacy.agreement=DUA"]
    line = _one_line(publish(hub.url, tmp_path, f"run={run}", "repo=me/p", "private=false", *agreed), 2)
    assert "may not be made public" in line
    assert hub.asked == []
    line = _one_line(publish(THIRD_PARTY, tmp_path, f"run={run}", "repo=me/p"), 2)
    assert "203.0.113.7 is a third party" in line
    assert "redact=true" in line
    # On this machine's own Hub nobody else sees them.
    done = publish(hub.url, tmp_path, f"run={run}", "repo=me/p")
    assert done.returncode == 0, done.stderr
    assert "1 rows restricted" in done.stdout
    card = hub.repositories["me/p"].files["README.md"].decode()
    assert "hold data of patients" in card
    assert "PhysioNet Credentialed Health Data Use Agreement" in card


def test_an_agreement_is_named_wherever_its_rows_are(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [played("mimic_iii", n, restricted=True) for n in range(4)])
    agreed = ["privacy.allow_third_party=true", "privacy.agreement=DUA 12"]
    done = publish("http://127.0.0.1:9", tmp_path, f"run={run}", f"output.dir={tmp_path / 'out'}", *agreed)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["agreement"] == "DUA 12"
    assert "They are here under: `DUA 12`" in (tmp_path / "out" / "README.md").read_text()


def test_redacted_it_may_be_public(hub: Hub, tmp_path: Path) -> None:
    rows = [*(played("mimic_iii", n, restricted=True) for n in range(6)), *(played("npowerai", n) for n in range(6))]
    run = write_run(tmp_path / "run", rows)
    done = publish(hub.url, tmp_path, f"run={run}", "repo=me/seen", "private=false", "redact=true")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("; redacted")
    loaded = _load(hub, tmp_path, "me/seen", "default", "mimic_iii", "npowerai")
    assert _sorted(*loaded["npowerai"].values()) == [row for row in _rows(run) if row["family"] == "npowerai"]
    seen = _sorted(*loaded["mimic_iii"].values())
    assert sum(row["reward"] for row in seen) == sum(row["reward"] for row in _rows(run) if row["restricted"])
    assert all(row["messages"] is None and row["token_ids"] is None and row["restricted"] for row in seen)
    assert "have been redacted" in hub.repositories["me/seen"].files["README.md"].decode()
    assert json.loads(hub.repositories["me/seen"].files["manifest.json"])["redacted"] is True


def test_a_view_of_patients_is_neither_redacted_nor_let_out(hub: Hub, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [played("mimic_iii", n, restricted=True) for n in range(4)])
    view = export(run, "sft", tmp_path / "sft", restricted=True)
    open_run_of = write_run(tmp_path / "open", [played("npowerai", n) for n in range(4)])
    asked = [f"run={open_run_of}", "repo=me/v", f"views=[{view}]"]
    assert "may not be made public" in _one_line(publish(hub.url, tmp_path, *asked, "private=false"), 2)
    assert "nothing to train on" in _one_line(publish(hub.url, tmp_path, *asked, "redact=true"), 2)
    assert hub.asked == []


def test_the_card_says_what_the_rows_are_worth(tmp_path: Path) -> None:
    run = _mixed(tmp_path / "run")
    family = {
        **{"name": "npowerai", "restricted": False, "scorer_version": "9", "tasks": 3, "dropped": {}, "original": None},
        "cases": [
            {"kind": "oracle", "name": "oracle", "example": "", "runs": 3, "accepted": 3, "reward": 1.0, "paper": None}
            | {"paid_for": []}
        ],
        "constant": {"answer": "7", "reward": 0.25, "tried": 4},
    }
    audit = tmp_path / "audit.json"
    audit.write_text(json.dumps({"settings": {}, "families": [family], "violations": []}))
    dead = "http://127.0.0.1:9"
    done = publish(dead, tmp_path, f"run={run}", f"output.dir={tmp_path / 'out'}", f"audit={audit}")
    assert done.returncode == 0, done.stderr
    _, head, body = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)
    told = yaml.safe_load(head)
    assert [config["config_name"] for config in told["configs"]] == ["default", "medcalcbench", "npowerai"]
    assert {split["name"]: split["num_examples"] for split in told["dataset_info"]["splits"]} == {"train": 4, "test": 8}
    assert told["size_categories"] == ["n<1K"]
    assert "| npowerai | 3 | 100.0% of 3 |" in body
    assert "25.0% (7)" in body
    assert "Not in the audit: medcalcbench." in body
    assert "npowerai: audited was scorer 9, its rows were scored by 1." in body
    assert "| oracle | 10 | 12 | 70.0% [" in body
    assert "sampling.temperature=0.7" in body
    for private in ("/home/somebody", "/data/mimic", str(tmp_path)):
        assert private not in head + body


def test_names_in_a_card_are_shown_as_they_are(tmp_path: Path) -> None:
    rows = [played("npowerai", n, policy_version="<script>alert(1)</script>|[x](y)") for n in range(2)]
    run = write_run(tmp_path / "run", rows)
    done = publish("http://127.0.0.1:9", tmp_path, f"run={run}", f"output.dir={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    card = (tmp_path / "out" / "README.md").read_text()
    assert "<script>" not in card
    assert "No audit of the scorers was given" in card


def test_a_full_disk_is_one_line_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    run = _mixed(tmp_path / "run")
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); import signal; "
    limited += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from medgym_ray.publish.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", limited, f"run={run}", "repo=me/full"],
        **{"env": environment(hub.url, tmp_path), "capture_output": True, "text": True},
    )
    assert "TMPDIR" in _one_line(done, 1)
    assert hub.stored == []
    assert not list(tmp_path.glob("medgym-publish-*"))


@pytest.mark.parametrize("mistakes", [0.0, 0.5])
def test_a_run_of_generate_comes_back_from_the_hub(hub: Hub, tmp_path: Path, mistakes: float) -> None:
    run = tmp_path / "run"
    made = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "medgym_ray.generate",
                "+model=oracle",
                f"model.mistakes={mistakes}",
                "tasks.limit=2",
            ),
            *("tasks.families=[npowerai,medcalcbench]", "cluster.address=local", f"output.dir={run}"),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert made.returncode == 0, made.stderr
    done = publish(hub.url, tmp_path, f"run={run}", "repo=me/real")
    assert done.returncode == 0, done.stderr
    rows = _rows(run)
    assert len(rows) == 4
    assert _sorted(*_load(hub, tmp_path, "me/real", "default")["default"].values()) == rows
    assert "invented patients" in hub.repositories["me/real"].files["README.md"].decode()
