"""The episodes of a run, as far as they take time: lengths of prompts, replies and observations, and what runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class TurnShape:
    """One turn: tokens of the reply (None: to be drawn) and of what is answered to it, and whether a cell runs."""

    reply: int | None
    observation: int
    executed: bool


@dataclass(frozen=True, slots=True)
class EpisodeShape:
    """One episode: tokens of its first prompt, and its turns."""

    prompt: int
    turns: tuple[TurnShape, ...]


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Lengths of replies in tokens, cut at `most`."""

    median: float
    spread: float
    most: int

    def draw(self, random: Random) -> int:
        """One length, at least one token."""
        return max(1, min(self.most, round(random.lognormvariate(math.log(self.median), self.spread))))

    def mean(self) -> float:
        """Of the uncut distribution, or `most`."""
        return min(float(self.most), self.median * math.exp(self.spread**2 / 2))


@dataclass(frozen=True, slots=True)
class Recorded:
    """Lengths of replies as they were in a run."""

    lengths: Sequence[int]
    most: int

    def draw(self, random: Random) -> int:
        """One of them."""
        return max(1, min(self.most, random.choice(self.lengths)))

    def mean(self) -> float:
        """Of all of them."""
        return sum(min(self.most, length) for length in self.lengths) / len(self.lengths)


@dataclass(frozen=True, slots=True)
class Workload:
    """Where episodes are drawn from: whole episodes, so that what belongs together stays together."""

    shapes: Sequence[EpisodeShape]
    replies: LogNormal | Recorded
    max_turns: int
    max_model_len: int

    def draw(self, random: Random) -> EpisodeShape:
        """One episode with all lengths set, as far as its bounds let it go."""
        shape = random.choice(self.shapes)
        turns: list[TurnShape] = []
        context = shape.prompt
        for turn in shape.turns[: self.max_turns]:
            if context >= self.max_model_len:
                break
            reply = turn.reply if turn.reply is not None else self.replies.draw(random)
            reply = min(reply, self.max_model_len - context)
            turns.append(TurnShape(reply, turn.observation, turn.executed))
            context += reply + turn.observation
        return EpisodeShape(shape.prompt, tuple(turns))

    def mean(self) -> "Means":
        """What an episode takes in the mean; the bound on its context is left out."""
        shapes, reply = self.shapes, self.replies.mean()
        cut = [shape.turns[: self.max_turns] for shape in shapes]
        turns = [turn for each in cut for turn in each]
        count = len(shapes)
        generated = sum(reply if turn.reply is None else turn.reply for turn in turns) / count
        observed = sum(turn.observation for turn in turns) / count
        return Means(
            prompt_tokens=sum(shape.prompt for shape in shapes) / count,
            reply_tokens=generated * count / max(1, len(turns)),
            observation_tokens=observed * count / max(1, len(turns)),
            turns=len(turns) / count,
            executions=sum(turn.executed for turn in turns) / count,
        )


@dataclass(frozen=True, slots=True)
class Means:
    """Per episode, or per turn (`reply_tokens`, `observation_tokens`)."""

    prompt_tokens: float
    reply_tokens: float
    observation_tokens: float
    turns: float
    executions: float

    @property
    def generated_tokens(self) -> float:
        """Per episode."""
        return self.turns * self.reply_tokens

    @property
    def tokens(self) -> float:
        """Of the whole conversation at its end."""
        return self.prompt_tokens + self.turns * (self.reply_tokens + self.observation_tokens)

    @property
    def context_tokens(self) -> float:
        """Of a sequence in the middle of a run, while it is decoded."""
        return (self.prompt_tokens + self.tokens) / 2
