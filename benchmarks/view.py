"""What a page of a large run takes: to write, to keep, to open.

`python -m benchmarks.view [--rows 100000] [--run DIR] [--write]`. The run is made up: programs cut out of this
package's own source, three turns and 900 tokens (300 of them sampled) in each trajectory, all of them different, so
that nothing compresses as it would if texts came back. `--run` keeps it. Needs Chromium and playwright; minutes.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import numpy as np

import medgym_ray
from benchmarks.measure.results import figure, markdown, say, write_section
from medgym_ray.store.layout import TRAJECTORIES, Part
from medgym_ray.store.log import WriteAheadLog
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.run import write_run_file
from medgym_ray.store.shards import seal
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Trajectory, Turn, to_batch
from medgym_ray.view.static import bodies_folder
from tests.records import NOW, make_trajectory

_SECTION = "benchmarks.view"
_ROLLOUTS = 4
_SHARD = 5000
_BATCH = 100
_OPENED = 5
_BROWSER = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


def make_run(root: Path, rows: int) -> None:
    """Writes the made-up run."""
    prepare_directory(root)
    write_run_file(root, {"model.name": "made-up"}, {}, {})
    made = _trajectories(rows)
    for number in range(-(-rows // _SHARD)):
        part = Part(TRAJECTORIES.name, "0", number)
        log = WriteAheadLog(root / part.log, TRAJECTORY_SCHEMA)
        for _ in range(_SHARD // _BATCH):
            batch = [row for row, _ in zip(made, range(_BATCH), strict=False)]
            if batch:
                log.append([to_batch(batch, TRAJECTORY_SCHEMA).serialize().to_pybytes()])
        log.close()
        seal(root, part)
        say(f"{min(rows, (number + 1) * _SHARD)} trajectories made")


def _trajectories(rows: int) -> Iterator[Trajectory]:
    source = "".join(path.read_text() for path in sorted(Path(medgym_ray.__file__).parent.glob("*.py")))
    random, numbers = Random(0), np.random.default_rng(0)

    def cut(length: int) -> str:
        start = random.randrange(len(source) - length)
        return source[start : start + length]

    for row in range(rows):
        messages = [{"role": "system", "content": source[:1200]}, {"role": "user", "content": cut(500)}]
        turns = []
        for place in range(3):
            arguments, observation = {"code": cut(600)}, cut(300)
            reply = json.dumps({"action": "code_execution", "params": arguments})
            messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": observation}]
            turns.append(
                Turn(
                    action="code_execution" if place < 2 else "submit",
                    arguments=json.dumps(arguments),
                    observation=observation,
                    status="ok",
                    prompt_tokens=300 * (place + 1),
                    completion_tokens=100,
                    generate_ms=3000 * random.random(),
                    execute_ms=200 * random.random(),
                )
            )
        mask = ([0] * 200 + [1] * 100) * 3
        won = random.random() < 0.4
        family = f"family{row // _ROLLOUTS % 12}"
        start = NOW + timedelta(seconds=row / 10)
        yield make_trajectory(
            hashlib.sha256(str(row).encode()).hexdigest()[:32],
            task_id=f"{family}/test-{row // _ROLLOUTS}",
            family=family,
            rollout_index=row % _ROLLOUTS,
            messages=messages,
            turns=turns,
            num_turns=len(turns),
            token_ids=numbers.integers(0, 150_000, len(mask)).tolist(),
            loss_mask=mask,
            logprobs=(-numbers.exponential(0.5, len(mask)) * mask).tolist(),
            success=won,
            reward=float(won),
            termination="success" if won else "wrong",
            score_reason="correct" if won else "wrong_value",
            answer=str(random.random()),
            flags=["repeated_action"] if random.random() < 0.05 else [],
            started_at=start,
            finished_at=start + timedelta(seconds=5),
        )


def _build(run: Path, page: Path) -> tuple[float, float]:
    """Seconds, and the most memory that it took, in MB."""
    command = [sys.executable, "-m", "medgym_ray.view", f"run={run}", f"output={page}"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the page could not be built: exit code {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1000


def _open(page: Path) -> list[list[float]]:
    """For each visit: seconds until the list is there, until a trajectory is, until a filter is applied; MB of heap."""
    from playwright.sync_api import sync_playwright

    visits = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_BROWSER))
        for visit in range(_OPENED):
            context = browser.new_context()
            tab = context.new_page()
            moments = [time.perf_counter()]
            tab.goto(f"{page.as_uri()}#/list")
            tab.wait_for_selector(".option")
            moments.append(time.perf_counter())
            tab.locator(".option").nth(visit).click()
            tab.wait_for_selector(".trajectory")
            moments.append(time.perf_counter())
            tab.get_by_label("Outcome").select_option("failure")
            tab.locator("#found", has_text=" of ").wait_for()
            moments.append(time.perf_counter())
            heap = tab.evaluate("performance.memory.usedJSHeapSize / 1e6")
            visits.append([*np.diff(moments).tolist(), float(heap)])
            context.close()
        browser.close()
    return visits


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.view", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--run", type=Path, help="where the made-up run is kept; made where it is not there")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run, page = options.run or Path(scratch) / "run", Path(scratch) / "page.html"
        if not run.exists():
            make_run(run, options.rows)
        seconds, memory = _build(run, page)
        say(f"built in {seconds:.1f} s")
        shards = sum(path.stat().st_size for path in (run / TRAJECTORIES.name).iterdir())
        files = [path.stat().st_size for path in bodies_folder(page).iterdir()]
        ready, opened, filtered, heap = (statistics.median(each) for each in zip(*_open(page), strict=True))
        rows = [
            ["building", f"{figure(seconds)} s, at most {memory:,.0f} MB of memory"],
            ["shards", f"{shards / 1e6:,.0f} MB"],
            ["the page", f"{page.stat().st_size / 1e6:.1f} MB"],
            ["beside it", f"{sum(files) / 1e6:,.0f} MB in {len(files):,} files, none above {max(files) / 1e6:.2f} MB"],
            ["until the list can be used", f"{figure(ready)} s"],
            ["until a trajectory is open", f"{figure(opened)} s"],
            ["until a filter is applied", f"{figure(filtered)} s"],
            ["JavaScript heap", f"{heap:.0f} MB"],
        ]
    about = f"A made-up run of {options.rows:,} trajectories; medians of {_OPENED} visits in Chromium, from a disk."
    text = f"## Pages: `python -m benchmarks.view`\n\n{about}\n\n{markdown(['what', 'takes'], rows)}"
    print(text)
    if options.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()
