"""What the rows of each view are."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgym_ray.errors import ExportError
from medgym_ray.export.views.registry import VIEWS
from medgym_ray.formats.tool_calls import ToolCalls
from medgym_ray.prompts import opening
from medgym_ray.tasks.registry import make_family
from medgym_ray.trajectory import Trajectory, Turn
from tests.export.runs import export, load, rollout, write_run

RUN = [
    rollout(0, "a", ["look", "right"], success=True),
    rollout(1, "a", ["look", "wrong"], success=False),
    rollout(2, "b", ["guess"], success=True),
    rollout(3, "a", ["peek", "wrong"], success=False),
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RUN."""
    return write_run(tmp_path_factory.mktemp("run") / "run", RUN)


def _said(messages: list[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_file_has_the_view_s_schema(view: str, stored: Path, tmp_path: Path) -> None:
    folder = export(stored, view, tmp_path / "out")
    files = sorted((folder / "data").iterdir())
    assert [file.name for file in files] == ["train-00000.parquet"]
    assert pq.read_schema(files[0]).equals(VIEWS[view].schema)
    assert pq.ParquetFile(files[0]).metadata.row_group(0).column(0).compression == "ZSTD"
    assert load(folder)


def test_demonstrations_are_the_conversations_of_successes(stored: Path, tmp_path: Path) -> None:
    rows = load(export(stored, "sft", tmp_path / "out"))
    assert [row["messages"] for row in rows] == [RUN[0].messages, RUN[2].messages]
    assert [row["trajectory_id"] for row in rows] == [RUN[0].trajectory_id, RUN[2].trajectory_id]
    assert {row["tools"] for row in rows} == {None}


def test_exactly_what_was_generated_carries_loss(stored: Path, tmp_path: Path) -> None:
    rows = load(export(stored, "sft_tokens", tmp_path / "out", success="any"))
    assert len(rows) == len(RUN)
    for row, trajectory in zip(rows, RUN, strict=True):
        ids, mask = trajectory.token_ids or [], trajectory.loss_mask or []
        assert row["input_ids"] == ids
        assert row["labels"] == [token if generated else -100 for token, generated in zip(ids, mask, strict=True)]
        assert row["reply"] is None


def test_where_no_one_sequence_holds_what_was_seen_each_reply_is_a_row(tmp_path: Path) -> None:
    turns = [
        Turn(action="code_execution", completion_token_ids=[7, 8]),
        Turn(action="code_execution", prompt_token_ids=[1, 5], completion_token_ids=[9]),
        Turn(action="submit", completion_token_ids=[4]),  # what it was generated from was not kept
    ]
    thoughts = rollout(
        *(1, "b", ["x", "y", "z"]), success=True, turns=turns, prompt_token_ids=[1, 2, 3], append_only=False
    )
    stored = write_run(tmp_path / "run", [RUN[0], thoughts], shard_bytes=1 << 20)
    rows = load(export(stored, "sft_tokens", tmp_path / "out"))
    assert [(row["reply"], row["input_ids"], row["labels"]) for row in rows[1:]] == [
        (0, [1, 2, 3, 7, 8], [-100, -100, -100, 7, 8]),
        (1, [1, 5, 9], [-100, -100, 9]),
    ]
    assert rows[0]["input_ids"] == RUN[0].token_ids


def test_a_run_of_text_has_no_tokens_to_export(tmp_path: Path) -> None:
    bare = {"token_ids": None, "loss_mask": None, "logprobs": None, "append_only": None}
    stored = write_run(tmp_path / "run", [rollout(0, "a", ["x"], success=True, **bare)])
    with pytest.raises(ExportError, match=r"none of 1 trajectories is left for sft_tokens: no token ids 1$"):
        export(stored, "sft_tokens", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_pairs_are_whole_rollouts_of_one_prompt(stored: Path, tmp_path: Path) -> None:
    rows = load(export(stored, "dpo", tmp_path / "out"))
    assert [(_said(row["prompt"]), _said(row["chosen"]), _said(row["rejected"])) for row in rows] == [
        (["rules", "do a"], ["look", "saw look", "right"], ["look", "saw look", "wrong"]),
        (["rules", "do a"], ["look", "saw look", "right"], ["peek", "saw peek", "wrong"]),
    ]
    assert {(row["chosen_reward"], row["rejected_reward"]) for row in rows} == {(1.0, 0.0)}
    assert len(load(export(stored, "dpo", tmp_path / "fewer", pairs=1))) == 1


def test_pairs_of_replies_share_the_conversation_before_them(stored: Path, tmp_path: Path) -> None:
    rows = load(export(stored, "dpo_turn", tmp_path / "out"))
    assert [(_said(row["prompt"]), _said(row["chosen"]), _said(row["rejected"])) for row in rows] == [
        (["rules", "do a"], ["look"], ["peek"]),
        (["rules", "do a", "look", "saw look"], ["right"], ["wrong"]),
    ]
    assert [(row["chosen_rollouts"], row["chosen_successes"], row["rejected_rollouts"]) for row in rows] == [
        (2, 1, 1),
        (1, 1, 1),
    ]


def test_rollouts_of_other_prompts_make_no_pair(tmp_path: Path) -> None:
    """As when one run told its agents more turns than another."""
    other = rollout(1, "a", ["wrong"], success=False)
    other.messages[0]["content"] = "other rules"
    stored = write_run(tmp_path / "run", [rollout(0, "a", ["right"], success=True), other])
    for view in ("dpo", "dpo_turn"):
        with pytest.raises(ExportError, match=r"of 2 of 2 trajectories, 1 of them successes: .*sample more"):
            export(stored, view, tmp_path / "out")


def test_the_completion_of_kto_is_one_reply(stored: Path, tmp_path: Path) -> None:
    rows = load(export(stored, "kto", tmp_path / "out"))
    assert [(_said(row["prompt"])[2:], _said(row["completion"]), row["label"]) for row in rows] == [
        (["look", "saw look"], ["right"], True),
        (["look", "saw look"], ["wrong"], False),
        ([], ["guess"], True),
        (["peek", "saw peek"], ["wrong"], False),
    ]


def test_an_observation_that_nobody_answered_is_no_completion(tmp_path: Path) -> None:
    cut = rollout(0, "a", ["x"], success=False, termination="max_tokens")
    cut.messages.append({"role": "user", "content": "too long"})
    (row,) = load(export(write_run(tmp_path / "run", [cut]), "kto", tmp_path / "out"))
    assert (_said(row["prompt"]), _said(row["completion"])) == (["rules", "do a"], ["x"])


def test_the_verifier_s_label_is_the_true_outcome(tmp_path: Path) -> None:
    """Whatever a judge thought of it."""
    judged = [
        rollout(0, "a", ["x"], success=True, judge_reward=0.0),
        rollout(1, "a", ["y"], success=False, judge_reward=1.0),
    ]
    stored = write_run(tmp_path / "run", judged)
    assert [row["label"] for row in load(export(stored, "verifier", tmp_path / "out"))] == [True, False]
    (pair,) = load(export(stored, "dpo", tmp_path / "pairs"))
    assert _said(pair["chosen"]) == ["x"]


def test_a_step_is_good_where_a_rollout_that_began_so_succeeded(stored: Path, tmp_path: Path) -> None:
    rows = load(export(stored, "prm", tmp_path / "out"))
    assert [row["turn_labels"] for row in rows] == [[True, True], [True, False], [True], [None, False]]


@pytest.mark.parametrize("fault", [{"parse_error": "no JSON"}, {"status": "timeout"}, {"reward_if_graded": 0.0}])
def test_a_step_that_failed_is_bad_even_on_a_good_way(fault: dict[str, Any], tmp_path: Path) -> None:
    turns = [Turn(**fault), Turn(action="submit", reward_if_graded=1.0)]
    stored = write_run(tmp_path / "run", [rollout(0, "a", ["x", "y"], success=True, turns=turns)])
    (row,) = load(export(stored, "prm", tmp_path / "out"))
    assert row["turn_labels"] == [False, True]


def test_turns_that_are_not_replies_make_no_steps(tmp_path: Path) -> None:
    stored = write_run(tmp_path / "run", [rollout(0, "a", ["x", "y"], success=True, turns=[Turn()])])
    with pytest.raises(ExportError, match="their turns are not their replies"):
        export(stored, "prm", tmp_path / "out")


def test_prompts_have_the_columns_of_verl_and_skyrl_and_never_gold(tmp_path: Path) -> None:
    secret = [rollout(n, "a", [f"x{n}"], success=n == 0, answer='"GOLD"', restricted=True) for n in range(4)]
    stored = write_run(tmp_path / "run", [*secret, rollout(9, "b", ["guess"], success=True)])
    folder = export(stored, "grpo", tmp_path / "out", restricted=True)
    first, _ = load(folder)
    assert _said(first["prompt"]) == ["rules", "do a"]
    assert (first["data_source"], first["ability"], first["env_class"]) == ("medgym/f", "c", "medgym")
    assert first["reward_model"] == {"style": "rule", "ground_truth": "f/a"}
    assert first["reward_spec"] == {"method": "rule", "ground_truth": "f/a"}
    assert first["extra_info"] == {
        **{"index": 0, "split": "test", "task_id": "f/a", "family": "f"},
        **{"rollouts": 4, "mean_reward": 0.25, "success_rate": 0.25},
    }
    assert b"GOLD" not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert "GOLD" not in json.dumps(load(folder))


def _with_tools(listed: bool) -> Trajectory:
    family, language = make_family("npowerai"), ToolCalls()
    rules = language.beside_tools if listed else language.rules(family.actions)
    first = [{"role": m.role, "content": m.content} for m in opening("how many?", rules, "submit", 8)]
    trajectory = rollout(int(listed), "a", [f"x{listed}"], success=True, family="npowerai", agent_format="tools")
    trajectory.messages[:2] = first
    return trajectory


def test_tools_that_only_the_template_listed_go_with_the_row(tmp_path: Path) -> None:
    stored = write_run(tmp_path / "run", [_with_tools(False), _with_tools(True)])
    in_words, listed = load(export(stored, "sft", tmp_path / "out"))
    assert in_words["tools"] is None
    tools = json.loads(listed["tools"])
    assert tools == ToolCalls().tools(make_family("npowerai").actions)


def test_no_column_changes_what_a_trainer_does_by_its_name() -> None:
    """Names that TRL takes for its own, beside those that each view means."""
    taken = {"prompt", "completion", "messages", "text", "chosen", "rejected", "input_ids", "labels", "label", "margin"}
    taken |= {"images", "image", "chat_template_kwargs", "completion_mask", "assistant_masks", "conversations"}
    meant = {
        "sft": {"messages"},
        "sft_tokens": {"input_ids", "labels"},
        "dpo": {"prompt", "chosen", "rejected"},
        "dpo_turn": {"prompt", "chosen", "rejected"},
        "kto": {"prompt", "completion", "label"},
        "grpo": {"prompt"},
        "verifier": {"messages", "label"},
        "prm": {"messages"},
    }
    assert {name: taken & set(view.schema.names) for name, view in VIEWS.items()} == meant
    for view in VIEWS.values():
        assert {"task_id", "family", "licence", "restricted"} <= set(view.schema.names)
        assert all(not pa.types.is_null(field.type) for field in view.schema)
