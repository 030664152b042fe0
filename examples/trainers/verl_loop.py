"""Our episodes as an agent loop of verl (written against 0.9): exact tokens, and the reward that our scorers give.

verl hands each row of the view `grpo` to `run`; `extra_info` says which task it is. What the policy is told is rendered
by the episode, so that the rules it plays by are those of `options`, whatever the run was made with.
"""

import asyncio
from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopOutput, register

from medgym_ray.environment.options import Options
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest
from medgym_ray.policies.tokens import ChatTemplate

_EPISODES = 64
"""Sandboxes of one worker's process."""
_PLAYHOUSES: dict[tuple[str, str], "asyncio.Task[Playhouse]"] = {}


@register("medgym")
class MedgymLoop(AgentLoopBase):
    """`options` are those of medgym_ray.environment.Options beside family and split."""

    def __init__(self, *args: Any, options: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._options = dict(options or {})

    async def run(self, sampling_params: dict[str, Any], **row: Any) -> AgentLoopOutput:
        """One episode. A failure of ours is raised: it must not become a reward."""
        told = row["extra_info"]
        playhouse = await _playhouse(Options(told["family"], split=told["split"], **self._options))
        policy = _Server(self.server_manager, self.tokenizer, sampling_params, self.rollout_config)
        task = await playhouse.chosen(told["task_id"])
        played = await playhouse.perform(task, policy, ChatTemplate(self.tokenizer))
        start, room = len(played.prompt_token_ids), self.rollout_config.response_length
        return AgentLoopOutput(
            prompt_ids=played.token_ids[:start],
            response_ids=played.token_ids[start:][:room],
            response_mask=played.loss_mask[start:][:room],
            response_logprobs=played.logprobs[start:][:room] if policy.knows_logprobs else None,
            reward_score=played.reward,
            num_turns=2 * played.num_turns,
            metrics={},
            extra_fields={"turn_scores": [], "tool_rewards": []},
        )


class _Server:
    """verl's inference servers as a policy."""

    def __init__(self, servers: Any, tokenizer: Any, sampling: dict[str, Any], lengths: Any) -> None:
        self._servers, self._tokenizer, self._sampling = servers, tokenizer, sampling
        self._room = lengths.prompt_length + lengths.response_length
        self.knows_logprobs = True

    async def generate(self, request: GenerationRequest) -> Generation:
        prompt = list(request.prompt_token_ids or ())
        if len(prompt) >= self._room:
            raise ContextFull(f"{len(prompt)} tokens fill the context of {self._room}")
        said = await self._servers.generate(
            request_id=request.session_id, prompt_ids=prompt, sampling_params=self._sampling
        )
        self.knows_logprobs &= bool(said.log_probs)
        text = str(self._tokenizer.decode(said.token_ids, skip_special_tokens=True))
        return Generation(text, "stop", said.token_ids, said.log_probs or [0.0] * len(said.token_ids))


async def _playhouse(options: Options) -> Playhouse:
    """One for each family and split of the process, opened by whoever comes first."""
    key = (options.family, options.split)
    if key not in _PLAYHOUSES:
        _PLAYHOUSES[key] = asyncio.create_task(Playhouse(options, _EPISODES).__aenter__())
    return await _PLAYHOUSES[key]
