"""Failures, by the boundary that was crossed.

MedgymError
├── ConfigError    the command or its configuration cannot be used (exit code 2)
├── ClusterError   Ray cannot give what the run needs
├── PolicyError    the engine or endpoint failed to answer
│   └── EngineDead     it will never answer again; the same request can go to another
├── SandboxError   the sandbox could not run a cell (never: the cell's own failure)
├── TaskError      a task cannot be run or graded as it stands
├── ScorerError    a family's scorer failed on a submission (a defect of ours)
├── ExportError    of a run's trajectories nothing is left for the view that was asked for (exit code 3)
├── StepFailed     a command of a loop failed
├── HubError       the Hub did not take all that was to be published; the same command goes on
├── RecordError    a record does not fit the schema of its table (a defect of ours, in that record alone)
└── StorageError   a trajectory could not be made durable

Of these PolicyError, SandboxError, TaskError, ScorerError, RecordError and ClusterError end an attempt: it lands in
`failures/` with its class, is tried again within a budget, and is never turned into a reward. StorageError ends the
run, for nothing more can be kept. Every class takes one message and stays picklable, so that it crosses a process
boundary with its type.
"""

from typing import ClassVar


class MedgymError(Exception):
    """Base of every failure that is reported to a user as one line."""

    exit_code: ClassVar[int] = 1
    """Of the command that it ends."""


class ConfigError(MedgymError, ValueError):
    """The command or its configuration cannot be used; the message says what to type instead."""

    exit_code = 2


class ClusterError(MedgymError, RuntimeError):
    """The Ray cluster is out of reach or lacks what the run needs; the message names it."""


class PolicyError(MedgymError, RuntimeError):
    """The policy (engine or endpoint) failed; the agent is not to blame."""


class EngineDead(PolicyError):
    """The engine is gone for good. A request is a function of its token ids, so another engine can go on with it."""


class SandboxError(MedgymError, RuntimeError):
    """The sandbox was lost or could not start; the agent's code is not to blame."""


class TaskError(MedgymError, ValueError):
    """A task cannot be run or graded as it stands."""


class ScorerError(MedgymError, RuntimeError):
    """A family's scorer failed on a submission; the agent is not to blame."""


class RecordError(MedgymError, ValueError):
    """A record does not fit the schema of its table."""


class ExportError(MedgymError, ValueError):
    """Of a run's trajectories nothing is left for the view that was asked for; the message says what took them."""

    exit_code = 3


class StepFailed(MedgymError, RuntimeError):
    """A command of a loop ended with a code that the loop cannot go on with."""


class HubError(MedgymError, RuntimeError):
    """The Hub is out of reach or failed; what it has is kept, and the same command goes on."""


class StorageError(MedgymError, OSError):
    """A trajectory could not be made durable (disk full, directory gone, …)."""
