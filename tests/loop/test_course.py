"""Which commands a loop gives, in which order, and what it does where there is nothing to learn from."""

from collections.abc import Sequence
from pathlib import Path

from medgym_ray.loop.course import Course, Plan, Settings
from medgym_ray.loop.steps import Step, Steps

_SETTINGS = Settings(
    generate=("model=smollm2", "tasks=npowerai"),
    demonstrate=("model=oracle",),
    practise=("tasks.split=train",),
    hold_out=("tasks.split=test",),
    export=("filter.best_of=2",),
    train=("optimizer.batch=4",),
    sft=("optimizer.epochs=2",),
    dpo=(),
    verifier=(),
)


class _Written(Steps):
    """Writes the steps down instead of taking them."""

    def __init__(self, root: Path, empty: Sequence[str] = ()) -> None:
        super().__init__(root, lambda line: None)
        self.steps: list[Step] = []
        self._empty = empty

    def do(self, step: Step) -> bool:
        self.steps.append(step)
        return step.name not in self._empty

    def named(self, name: str) -> Step:
        """The one of that name."""
        return next(step for step in self.steps if step.name == name)


def _walked(root: Path, empty: Sequence[str] = (), settings: Settings = _SETTINGS, **plan: object) -> _Written:
    asked = {"base": "package:base", "demonstrations": "oracle", "rounds": 2, "restart": True, "seed": 3} | plan
    steps = _Written(root, empty)
    Course(root, Plan(**asked), settings, steps).run()  # type: ignore[arg-type]
    return steps


def test_the_whole_course(tmp_path: Path) -> None:
    steps = _walked(tmp_path)
    assert [step.name for step in steps.steps] == [
        "base/held-out",
        "demonstrations",
        *("sft/export", "sft/weights", "sft/held-out"),
        *("round-1/practice", "round-1/export", "round-1/weights", "round-1/held-out"),
        *("round-2/practice", "round-2/export", "round-2/weights", "round-2/held-out"),
        *("dpo/export", "dpo/weights", "dpo/held-out"),
        *("verifier/export", "verifier/weights"),
        *("verifier/base", "verifier/sft", "verifier/round-1", "verifier/round-2", "verifier/dpo"),
        "evaluation",
    ]
    practice = steps.named("round-2/practice")
    assert f"model.path={tmp_path}/round-1/weights/model" in practice.overrides
    assert "model.version=round-1" in practice.overrides
    assert "seed=5" in practice.overrides
    runs = f"run=[{tmp_path}/demonstrations,{tmp_path}/round-1/practice,{tmp_path}/round-2/practice]"
    assert {runs, "view=sft", "filter.best_of=2"} <= set(steps.named("round-2/export").overrides)
    assert "model.path=package:base" in steps.named("round-2/weights").overrides
    assert "optimizer.epochs=2" in steps.named("round-2/weights").overrides
    dpo = steps.named("dpo/weights").overrides
    assert {f"model.path={tmp_path}/round-2/weights/model", "recipe=dpo"} <= set(dpo)
    assert "optimizer.epochs=2" not in dpo
    held_out = [step for step in steps.steps if step.name.endswith("held-out")]
    assert all({"tasks.split=test", "seed=3"} <= set(step.overrides) for step in held_out)
    assert "labels=[base,sft,round-1,round-2,dpo]" in steps.named("evaluation").overrides


def test_a_round_without_anything_to_learn_from_keeps_the_weights(tmp_path: Path) -> None:
    steps = _walked(tmp_path, empty=["round-1/export", "dpo/export", "verifier/export"])
    names = [step.name for step in steps.steps]
    assert "round-1/weights" not in names
    assert not [name for name in names if name.startswith(("dpo/w", "dpo/h", "verifier/b"))]
    assert f"model.path={tmp_path}/sft/weights/model" in steps.named("round-2/practice").overrides
    assert "labels=[base,sft,round-2]" in steps.named("evaluation").overrides


def test_stages_that_are_left_out(tmp_path: Path) -> None:
    bare = Settings(**{name: getattr(_SETTINGS, name) for name in Settings.__slots__} | {"dpo": None, "verifier": None})
    steps = _walked(tmp_path, settings=bare, demonstrations=None, rounds=2, restart=False)
    assert [step.name for step in steps.steps] == [
        "base/held-out",
        *("round-1/practice", "round-1/export", "round-1/weights", "round-1/held-out"),
        *("round-2/practice", "round-2/export", "round-2/weights", "round-2/held-out"),
        "evaluation",
    ]
    assert f"model.path={tmp_path}/round-1/weights/model" in steps.named("round-2/weights").overrides
    given = _walked(tmp_path, demonstrations=str(tmp_path / "a 'run"), rounds=0)
    assert f"run=['{tmp_path}/a \\'run']" in given.named("sft/export").overrides
