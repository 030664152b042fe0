"""The columns of every view; nothing else defines one.

The names are those that trainers know, and a view carries metadata only under names that no trainer takes for its own:
TRL drops columns that it does not know, but a `prompt` beside `messages`, `input_ids` beside text, or `labels`,
`margin`, `images` and `chat_template_kwargs` anywhere would change what it does. Every view has `task_id` (the split),
`family`, `licence` and `restricted` (the card).
"""

import pyarrow as pa

from medgym_ray.trajectory import MESSAGE, TRAJECTORY_SCHEMA

_MESSAGES = pa.list_(MESSAGE)
_IDS = pa.list_(pa.int32())
_TASK = ("task_id", "family", "category", "licence", "restricted")
TRAJECTORY_METADATA = (
    *("trajectory_id", *_TASK, "model", "agent_format", "reward", "success"),
    *("termination", "num_turns", "retokenize_match"),
)
"""Columns that are taken over from a trajectory as they are."""


def _schema(*fields: tuple[str, pa.DataType], taken_over: tuple[str, ...] = TRAJECTORY_METADATA) -> pa.Schema:
    return pa.schema([*(pa.field(*each) for each in fields), *(TRAJECTORY_SCHEMA.field(name) for name in taken_over)])


_TOOLS = ("tools", pa.string())
"""JSON, for the chat template; null where the agent was told of its tools in words."""
_PAIR = (
    *(("prompt", _MESSAGES), ("chosen", _MESSAGES), ("rejected", _MESSAGES), _TOOLS),
    *(("chosen_id", pa.string()), ("rejected_id", pa.string())),
)

SFT = _schema(("messages", _MESSAGES), _TOOLS)
SFT_TOKENS = _schema(("input_ids", _IDS), ("labels", _IDS), ("reply", pa.int32()))
DPO = _schema(*_PAIR, ("chosen_reward", pa.float64()), ("rejected_reward", pa.float64()), taken_over=_TASK)
DPO_TURN = _schema(
    *_PAIR,
    ("reply", pa.int32()),
    *(("chosen_rollouts", pa.int32()), ("chosen_successes", pa.int32()), ("rejected_rollouts", pa.int32())),
    taken_over=_TASK,
)
KTO = _schema(("prompt", _MESSAGES), ("completion", _MESSAGES), ("label", pa.bool_()), _TOOLS)
VERIFIER = _schema(("messages", _MESSAGES), ("label", pa.bool_()), _TOOLS)
PRM = _schema(("messages", _MESSAGES), ("turn_labels", pa.list_(pa.bool_())), _TOOLS)

_RULE = pa.string()
GRPO = _schema(
    ("data_source", pa.string()),
    ("prompt", _MESSAGES),
    ("ability", pa.string()),
    ("reward_model", pa.struct([("style", _RULE), ("ground_truth", pa.string())])),
    ("env_class", pa.string()),
    ("reward_spec", pa.struct([("method", _RULE), ("ground_truth", pa.string())])),
    (
        "extra_info",
        pa.struct(
            [
                *(("index", pa.int64()), ("split", pa.string()), ("task_id", pa.string()), ("family", pa.string())),
                *(("rollouts", pa.int64()), ("mean_reward", pa.float64()), ("success_rate", pa.float64())),
            ]
        ),
    ),
    taken_over=_TASK,
)
