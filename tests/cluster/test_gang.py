"""A replica whose engine's ranks lie on several nodes: all of its GPUs are set aside together, and given back."""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.chaos.lab import Lab, cluster
from tests.cluster.command import generate, replay_file, rows, start

_LOOK = """
import actors, json, ray, sys
from ray.util import placement_group_table
ray.init(address=sys.argv[1], log_to_driver=False)
groups = [group["bundles"] for group in placement_group_table().values() if group["state"] == "CREATED"]
print(json.dumps([ray.available_resources().get("GPU", 0), [sorted(map(str, group.values())) for group in groups]]))
"""


def _look(lab: Lab) -> str:
    command = [sys.executable, "-c", _LOOK, lab.address]
    environment = os.environ | lab.variables()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    return done.stdout.strip()


def test_the_gpus_of_all_ranks_are_set_aside_and_given_back(tmp_path: Path) -> None:
    wait: dict[str, object] = {"action": "code_execution", "params": {"code": "import time; time.sleep(1)"}}
    replies = replay_file(tmp_path / "replies.jsonl", wait, wait, {"action": "submit", "params": {"answer": 1}})
    arguments = ["+model=replay", f"model.path={replies}", "model.hosted=true", "model.gpus=1", "tasks=npowerai"]
    arguments += ["model.tensor_parallel_size=2", "model.pipeline_parallel_size=2", "tasks.limit=10"]
    with cluster(cpus=2) as lab:
        lab.join(cpus=1, gpus=2)
        refused = generate(*arguments, f"output.dir={tmp_path / 'refused'}", env=lab.variables())
        assert refused.code == 2
        assert "the model needs 4 GPU(s), the cluster has 2" in refused.complaint
        lab.join(cpus=1, gpus=2)
        run = tmp_path / "run"
        driver = start(*arguments, f"output.dir={run}", "sandbox.concurrency=1", env=lab.variables())
        seen = set()
        while driver.poll() is None:
            seen.add(_look(lab))
            time.sleep(0.5)
        _, err = driver.communicate()
        assert driver.returncode == 0, err
        assert len(rows(run)) == 10
        bundles = ["{'CPU': 0.5}", *["{'GPU': 1.0}"] * 4]
        assert f"[0, {[bundles]}]".replace("'", '"') in {look.replace("'", '"') for look in seen}, seen
        assert _look(lab) == "[4.0, []]"
