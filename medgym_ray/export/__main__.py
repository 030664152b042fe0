"""Makes training data of stored runs: `python -m medgym_ray.export run=DIR view=NAME output.dir=DIR`.

Exit code 0: written; 2: a command that cannot be used; 3: nothing is left to be written, and why.
"""

import contextlib
import sys
from pathlib import Path

import pyarrow as pa

from medgym_ray import cli
from medgym_ray.errors import ExportError
from medgym_ray.export.card import Account, Tally, write_description
from medgym_ray.export.files import DATA, ShardFiles
from medgym_ray.export.filters import Selection, select
from medgym_ray.export.index import read_index
from medgym_ray.export.settings import ExportConfig, check
from medgym_ray.export.source import Source
from medgym_ray.export.split import Side, Split
from medgym_ray.export.views.base import View
from medgym_ray.export.views.registry import find_view
from medgym_ray.store.atomic import whole_directory
from medgym_ray.store.stored import new_directory, open_runs


def run(config: ExportConfig) -> int:
    """Exports one view; returns the exit code.

    Raises ConfigError where it could not start, ExportError where nothing is left, StorageError.
    """
    view = find_view(config.view)
    check(config, view)
    target = new_directory(config.output.dir)
    source = Source.open(open_runs(config.run))
    for name in source.unfinished():
        _tell(f"{name}: rows in the log of an unfinished run are left out; its own command brings them in")
    index = read_index(source, replies=view.replies)
    selection = select(index, config.filter, only_successes=view.only_successes, token_ids=view.token_ids)
    del index
    with whole_directory(target) as draft:
        plan = _plan(view, selection, config)
        tally = _write(view, source, plan, Split(config.split.validation, config.split.seed), draft)
        _refuse_one_sided(tally, config)
        account = Account(config, view, source, selection, tally)
        write_description(draft, account)
    _report(account, target)
    return 0


def _plan(view: View, selection: Selection, config: ExportConfig) -> pa.Table:
    kept = selection.kept
    taken = ", ".join(f"{name} {count}" for name, count in selection.taken.items() if count)
    rows = kept.num_rows + sum(selection.taken.values())
    if not kept.num_rows:
        raise ExportError(f"none of {rows} trajectories is left for {view.name}: {taken}")
    plan = view.plan(kept, config.pairs.per_prompt)
    if not plan.num_rows:
        left = f"{kept.num_rows} of {rows} trajectories, {kept['success'].to_pylist().count(True)} of them successes"
        without = f" (left out: {taken})" if taken else ""
        raise ExportError(f"{view.name}: no example can be made of {left}{without}: {view.lacking}")
    return plan


def _write(view: View, source: Source, plan: pa.Table, split: Split, draft: Path) -> Tally:
    tally = Tally()
    (draft / DATA).mkdir()
    with contextlib.ExitStack() as stack:
        files = {side: stack.enter_context(ShardFiles(draft / DATA, side, view.schema)) for side in Side}
        for batch in view.examples(source, plan, draft):
            for side, part in split.divide(batch):
                tally.add(side, part)
                files[side].write(part)
    return tally


def _refuse_one_sided(tally: Tally, config: ExportConfig) -> None:
    if not tally.rows:
        raise ExportError(f"{config.view}: no example came of the trajectories that are left")
    if not tally.side(Side.TRAIN):
        raise ExportError(
            f"all of the {tally.task_count} tasks fall to validation: split.validation=0, or another split.seed"
        )


def _report(account: Account, target: Path) -> None:
    tally, taken = account.tally, account.selection.taken
    for name, count in taken.items():
        if count:
            _tell(f"{name}: {count} trajectories left out")
    if test := account.of_test_tasks():
        _tell(f"{test} trajectories are of the benchmark's test split: what is trained on them is not tested by it")
    if account.config.split.validation and not tally.side(Side.VALIDATION):
        _tell(f"no validation split: none of the {tally.task_count} tasks falls to it")
    if restricted := tally.restricted.total():
        _tell(f"{restricted} rows are restricted: neither make them public nor give them to a third party")
    sides = ", ".join(f"{side} {tally.side(side)}" for side in Side if tally.side(side))
    told = f"{tally.rows.total()} examples ({sides}) of {tally.task_count} tasks"
    used = f"{account.selection.kept.num_rows} of {account.source.rows} trajectories"
    print(f"{target}: {account.view.name}: {told}, from {used}")  # noqa: T201 - the result of the command


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - what the user should know beside the result


def main() -> None:
    """The command."""
    cli.main("export", ExportConfig, run)


if __name__ == "__main__":
    main()
