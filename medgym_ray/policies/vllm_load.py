"""How busy a vLLM engine is, as it tells its loggers after each step. Imports vLLM."""

from dataclasses import replace
from typing import Any

from vllm.v1.metrics.loggers import StatLoggerBase

from medgym_ray.policies.base import EngineLoad


class LoadMeter:
    """Keeps the last word of one engine. Its `logger` is what the engine is given to make its loggers with."""

    def __init__(self) -> None:
        self.load = EngineLoad(0, 0, 0.0)

    def logger(self, *_: Any) -> "_Logger":
        """For `AsyncLLM(stat_loggers=[…])`: the configuration and the engine's index do not matter here."""
        return _Logger(self)


class _Logger(StatLoggerBase):  # type: ignore[misc]
    def __init__(self, meter: LoadMeter) -> None:
        self._meter = meter

    def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
        """After each step; either may be missing."""
        load = self._meter.load
        if iteration_stats is not None:
            preemptions = load.preemptions + iteration_stats.num_preempted_reqs
            generated = load.generated + iteration_stats.num_generation_tokens
            load = replace(load, preemptions=preemptions, generated=generated)
        if scheduler_stats is not None:
            running, waiting = scheduler_stats.num_running_reqs, scheduler_stats.num_waiting_reqs
            load = replace(load, running=running, waiting=waiting, kv_share=scheduler_stats.kv_cache_usage)
        self._meter.load = load

    def log_engine_initialized(self) -> None:
        """Nothing to say."""
