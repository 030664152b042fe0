"""recipe=grpo: reinforcement. Episodes of the policy in our sandboxes, rewards of our scorers, groups by task."""

import os
from typing import Any

import datasets
from trl import GRPOConfig, GRPOTrainer

from medgym_ray.environment.options import Options
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.errors import ConfigError
from medgym_ray.train.rollouts import Rollouts
from medgym_ray.train.sampling import ModelSampler
from medgym_ray.train.session import Outcome, Session
from medgym_ray.train.weights import load_policy


def train(session: Session) -> Outcome:
    """Raises ConfigError where there are no tasks, tables or sandboxes."""
    config, grpo, base = session.config, session.config.grpo, session.base
    if grpo.max_reply_tokens >= session.max_tokens:
        raise ConfigError(
            f"grpo.max_reply_tokens={grpo.max_reply_tokens} leaves no room for a prompt in {session.max_tokens} tokens"
        )
    options = Options(
        family=str(grpo.family),
        root=grpo.root,
        split=grpo.split,
        limit=grpo.limit,
        agent=grpo.agent,
        protocol=grpo.protocol,
        max_turns=grpo.max_turns,
        deadline_s=grpo.deadline_s,
        sandbox=grpo.sandbox,
    )
    playhouse = Playhouse(options, config.optimizer.batch)
    sampler = ModelSampler(base, session.on, session.max_tokens, grpo.max_reply_tokens, grpo.temperature)
    with Rollouts(playhouse, base.template, sampler, session.told) as rollouts:
        names = rollouts.playable()
        held_out = round(len(names) * grpo.validation)
        training, validation = names[held_out:], names[:held_out]
        if not training:
            raise ConfigError(f"grpo.family={grpo.family}: no task is left to train on")
        os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # it warns of its custom rollouts
        arguments = session.arguments(evaluates=False) | {
            "per_device_eval_batch_size": grpo.rollouts,
            "remove_unused_columns": False,
        }
        trainer = GRPOTrainer(
            model=load_policy(base, session.on, config.lora),
            reward_funcs=reward,
            args=GRPOConfig(
                **arguments,
                num_generations=grpo.rollouts,
                temperature=grpo.temperature,
                beta=grpo.beta,
                max_completion_length=session.max_tokens,
            ),
            train_dataset=_prompts(training),
            eval_dataset=_prompts(validation) if validation else None,
            processing_class=base.tokenizer,
            rollout_func=rollouts,
        )
        figures = session.carry_out(trainer, {"eval_reward": "validation_reward", "eval_success": "validation_success"})
    data = {"family": grpo.family, "restricted": playhouse.restricted, "tasks": len(training), "held_out": validation}
    return Outcome(trainer.model, figures, data)


def reward(episode_reward: list[float | None], episode_success: list[bool | None], **given: Any) -> list[float | None]:
    """What episodes earned, as they ended; None where a failure was ours."""
    known = [success for success in episode_success if success is not None]
    if known:
        given["log_metric"]("success", sum(known) / len(known))
    return episode_reward


def _prompts(names: list[str]) -> datasets.Dataset:
    """A prompt is a task's id: episodes render what the policy is told."""
    return datasets.Dataset.from_dict({"prompt": names})
