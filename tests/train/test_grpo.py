"""Episodes as TRL's rollout function: true rewards, observations without loss, and a training that runs on them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from medgym_ray.environment.options import Options
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.errors import ConfigError, SandboxError
from medgym_ray.policies.base import Generation, GenerationRequest
from medgym_ray.tasks.base import Task
from medgym_ray.train.config import GrpoConfig, LengthConfig, TrainConfig
from tests.environment.oracles import gold_replies

pytestmark = [pytest.mark.train, pytest.mark.xdist_group("train")]
LOOK = "```python\nprint(6 * 7)\n```"
WRONG = "```answer\n-1\n```"


@pytest.fixture
def base(base: Path, tmp_path: Path) -> Path:
    """With room for the rules of an episode, which take a token a character."""
    folder = tmp_path / "roomy"
    folder.mkdir()
    for file in base.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 16384}), encoding="utf-8")
    return folder


class Scripted:
    """A sampler that says what a test has it say, by task and turn; its tokens are the text's."""

    def __init__(self, base: Any, words: Callable[[str, int], str]) -> None:
        self._base, self._words = base, words

    def check_room(self, request: GenerationRequest) -> None:
        """There always is."""

    def sample(self, model: object, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """One reply each."""
        texts = [self._words(request.task_id, request.turn) for request in requests]
        ids = [self._base.template.reply(text) for text in texts]
        return [Generation(t, "stop", i, [-0.5] * len(i)) for t, i in zip(texts, ids, strict=True)]


class Trainer:
    """What a rollout function is given."""

    class accelerator:
        @staticmethod
        def unwrap_model(model: object) -> object:
            """Itself."""
            return model

    model = None


def _rollouts(base: Path, words: Callable[[str, int], str]) -> Any:
    from medgym_ray.train.rollouts import Rollouts
    from medgym_ray.train.weights import open_base

    opened = open_base(str(base))
    playhouse = Playhouse(Options("npowerai", limit=2, agent="code", max_turns=3), 4)
    return Rollouts(playhouse, opened.template, Scripted(opened, words), Console(quiet=True)), opened, playhouse


def test_a_rollout_is_an_episode_with_its_true_reward_and_no_loss_on_what_was_heard(base: Path) -> None:
    gold: dict[str, str] = {}

    def words(task: str, turn: int) -> str:
        if turn == 0:
            return LOOK
        return gold[task] if task == right else WRONG

    made, opened, playhouse = _rollouts(base, words)
    right = playhouse.tasks[0].task_id
    gold[right] = gold_replies(playhouse.tasks[0], "code")[-1]
    with made as rollouts:
        names = rollouts.playable()
        assert names == [task.task_id for task in playhouse.tasks]
        found = rollouts([names[0], names[0], names[1]], Trainer())
    assert found["episode_reward"] == [1.0, 1.0, 0.0]
    assert found["episode_success"] == [True, True, False]
    for number, last in enumerate([gold[right], gold[right], WRONG]):
        ids, mask = found["completion_ids"][number], found["env_mask"][number]
        assert len(ids) == len(mask) == len(found["logprobs"][number])
        said = opened.tokenizer.decode([token for token, ours in zip(ids, mask, strict=True) if ours])
        heard = opened.tokenizer.decode([token for token, ours in zip(ids, mask, strict=True) if not ours])
        assert said == f"{LOOK}<|end|>{last}<|end|>"
        assert "42" in heard
        assert heard.startswith("<|user|>")
        task = playhouse.tasks[0 if number < 2 else 1]
        assert found["prompt_ids"][number] == opened.template.prompt(playhouse.opening(task))


def test_a_failure_of_ours_is_no_reward(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, playhouse = _rollouts(base, lambda task, turn: WRONG)
    perform = playhouse.perform
    attempts: list[str] = []

    async def flaky(task: Task, *given: Any) -> Any:
        attempts.append(task.task_id)
        if task is playhouse.tasks[0]:
            raise SandboxError("lost")
        return await perform(task, *given)

    monkeypatch.setattr(playhouse, "perform", flaky)
    with made as rollouts:
        found = rollouts([task.task_id for task in playhouse.tasks], Trainer())
    assert found["episode_reward"] == [None, 0.0]
    assert attempts.count(playhouse.tasks[0].task_id) == 3
    assert found["env_mask"][0] == [0]


def test_it_trains_on_episodes_of_the_model(base: Path, tmp_path: Path, settings: Callable[..., TrainConfig]) -> None:
    grpo = GrpoConfig(family="npowerai", split="test", limit=3, validation=0.34, rollouts=2, max_turns=2)
    grpo.max_reply_tokens = 8
    config = settings("grpo", None, optimizer={"max_steps": 2, "batch": 4}, grpo=grpo)
    from medgym_ray.train.training import train

    trained = train(config)
    points = [
        json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    steps = [point for point in points if "reward" in point]
    assert [point["step"] for point in steps] == [1, 2]
    assert all(point["success"] == point["reward"] == 0.0 for point in steps)  # of noise
    assert all(0 < point["completions/mean_length"] <= 16 for point in steps)  # two replies, no observation
    assert trained.figures == {"validation_reward": 0.0, "validation_success": 0.0}
    assert (trained.path / "config.json").is_file()


def test_what_it_samples_are_the_models_own_tokens_and_their_probabilities(base: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from medgym_ray.policies.base import Sampling
    from medgym_ray.train.sampling import ModelSampler
    from medgym_ray.train.weights import device, open_base

    opened, model = open_base(str(base)), AutoModelForCausalLM.from_pretrained(base)
    sampler = ModelSampler(opened, device(), 2048, 12, temperature=0.7)
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13]]
    requests = [
        GenerationRequest(f"{n}", "t", 0, Sampling(), 0, 60.0, prompt_token_ids=prompt)
        for n, prompt in enumerate(prompts)
    ]
    torch.manual_seed(0)
    for prompt, generation in zip(prompts, sampler.sample(model.train(), requests), strict=True):
        ids = generation.token_ids or []
        assert 0 < len(ids) <= 12
        with torch.no_grad():
            logits = model.eval()(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1] / 0.7
        expected = torch.log_softmax(logits, -1).gather(1, torch.tensor(ids)[:, None])[:, 0]
        assert generation.logprobs == pytest.approx(expected.tolist(), abs=1e-3)
        assert generation.finish_reason == ("stop" if ids[-1] == 0 else "length")


def test_what_cannot_be_played_is_one_line(base: Path, settings: Callable[..., TrainConfig], tmp_path: Path) -> None:
    from medgym_ray.train.training import train

    with pytest.raises(ConfigError, match="no task family called 'npowerrai'"):
        train(settings("grpo", None, grpo=GrpoConfig(family="npowerrai", rollouts=2)))
    short = settings("grpo", None, grpo=GrpoConfig(family="npowerai", rollouts=2), length=LengthConfig(max_tokens=100))
    with pytest.raises(ConfigError, match="leaves no room for a prompt"):
        train(short)
    assert not (tmp_path / "out").exists()
