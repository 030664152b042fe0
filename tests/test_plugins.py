"""What other packages bring, and the one line where it cannot be used. The packages are real files on sys.path."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray import plugins
from medgym_ray.config import GenerateConfig, ModelConfig, SandboxConfig, TasksConfig
from medgym_ray.errors import ConfigError, ScorerError
from medgym_ray.paths import sample_dir
from medgym_ray.plugins import Group
from medgym_ray.policies.registry import chat_template, make_engine
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox
from medgym_ray.sandboxes.configured import configured_factory
from medgym_ray.tasks.base import LoadReport, Message, Score, Submission, Task
from medgym_ray.tasks.registry import FAMILIES, listed_families, load_tasks, make_family, source_name
from medgym_ray.tasks.scorers import scored_by
from medgym_ray.validation import validate
from tests.families import ToyFamily
from tests.policies.tiny import write_model
from tests.strangers import Install, installer

FAMILY = """
from tests.families import ToyFamily

class It(ToyFamily):
    name, licence, restricted = "toy", "theirs-1.0", True
"""
SCORER = """
from medgym_ray.tasks.base import Score

class It:
    version = "3"

    async def score(self, task, submission, grader, family_score):
        return {returned}
"""
POLICY = """
from medgym_ray.policies.base import Engine, Generation

class It(Engine):
    takes_tokens = True

    def __init__(self, model, replica):
        self.said = f"{model.name} in {replica}"

    async def generate(self, request):
        return Generation(self.said, "stop")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    return installer(tmp_path, monkeypatch)


def _config(**kinds: str) -> GenerateConfig:
    model = ModelConfig(name="m", kind=kinds.get("policies", "oracle"))
    tasks = TasksConfig(scorer=kinds.get("scorers"))
    return GenerateConfig(model=model, tasks=tasks, sandbox=SandboxConfig(kind=kinds.get("sandboxes", "namespace")))


ASKED: dict[str, Callable[[str], object]] = {
    "families": lambda name: make_family(name, TasksConfig()),
    "scorers": lambda name: make_family("npowerai", TasksConfig(scorer=name)),
    "policies": lambda name: make_engine(ModelConfig(name="m", kind=name), "replica-0"),
    "sandboxes": lambda name: configured_factory(SandboxConfig(kind=name), run_id="tests", mounts={}),
}


def _complaint(group: str, name: str) -> str:
    """What a user is told who asks for it."""
    with pytest.raises(ConfigError) as told:
        ASKED[group](name)
    line = str(told.value)
    assert "\n" not in line
    return line


KINDS = {"families": "task family", "scorers": "scorer", "policies": "policy", "sandboxes": "sandbox"}


@pytest.mark.parametrize(("group", "what"), KINDS.items())
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import no_such_module", "cannot be imported (ModuleNotFoundError: No module named 'no_such_module')"),
        ("raise OSError('first\\nsecond')", "cannot be imported (OSError: first second)"),
        ("Its = 1", "cannot be imported (AttributeError: "),
        ("It = 7", "it is of type int; a class is wanted"),
        ("def It(*_, **__): raise ValueError('no licence')", "cannot be made (ValueError: no licence)"),
        ("def It(*_, **__): return object()", ", for it lacks "),
    ],
)
def test_what_cannot_be_used_names_its_package_and_entry_point(
    install: Install, group: str, what: str, code: str, why: str
) -> None:
    module = install(group, "odd", code)
    line = _complaint(group, "odd")
    assert line.startswith(f"{what} 'odd' of the package stranger ({module}:It): ")
    assert why in line


def test_what_a_class_lacks_is_named(install: Install) -> None:
    install("scorers", "half", "class It:\n    version = '1'")
    assert _complaint("scorers", "half").endswith("no Scorer, for it lacks score")
    install("policies", "mute", "from medgym_ray.policies.base import Engine\nclass It(Engine): pass")
    assert "abstract method generate" in _complaint("policies", "mute")
    install("families", "bare", "from medgym_ray.tasks.base import Family\nclass It(Family): name = 'bare'")
    assert "abstract methods cheats, load, oracle, prompt, score" in _complaint("families", "bare")
    install("families", "other", FAMILY)
    assert _complaint("families", "other").endswith("calls itself 'toy'; the two names must be one")


def test_a_broken_package_harms_nobody_who_does_not_use_it(install: Install) -> None:
    install("families", "broken", "import no_such_module")
    install("scorers", "broken", "import no_such_module", package="another")
    validate(_config())
    assert {task.family for task in load_tasks(TasksConfig(limit=1), 0).tasks} == set(FAMILIES)
    usable, complaints = listed_families(TasksConfig())
    assert [family.name for family in usable] == sorted(FAMILIES)
    (line,) = complaints
    assert "task family 'broken' of the package stranger" in line
    with pytest.raises(ConfigError, match="no_such_module"):
        listed_families(TasksConfig(families=["broken"]))


@pytest.mark.parametrize(
    ("group", "name"), [("families", "npowerai"), ("policies", "vllm"), ("sandboxes", "namespace")]
)
def test_names_of_ours_cannot_be_taken(install: Install, group: str, name: str) -> None:
    install(group, name, "raise AssertionError", package="bold-stranger")
    line = f"two packages bring a {KINDS[group]} called '{name}', medgym-ray and bold-stranger: rename or uninstall one"
    assert _complaint(group, name) == line
    if group != "families":
        with pytest.raises(ConfigError, match="medgym-ray and bold-stranger"):
            validate(_config(**{group: name}))


def test_two_strangers_cannot_have_one_name(install: Install) -> None:
    for package in ("one", "two"):
        install("scorers", "same", SCORER.format(returned="family_score"), package=package)
    assert "two packages bring a scorer called 'same', " in _complaint("scorers", "same")


def test_an_unknown_name_is_answered_with_all_that_there_are(install: Install) -> None:
    assert "none (docs/extending.md" in _complaint("scorers", "nobody")
    for group in KINDS:
        install(group, f"their-{group}", "raise AssertionError", package=f"package-{group}")
    assert _complaint("families", "nobody").endswith("npowerai, their-families, treqs")
    assert _complaint("scorers", "nobody") == "no scorer called 'nobody'; one of: their-scorers"
    for group, key in (("policies", "model.kind"), ("sandboxes", "sandbox.kind")):
        with pytest.raises(ConfigError, match=rf"{key}=nobody: one of .*, their-{group}$"):
            validate(_config(**{group: "nobody"}))
        validate(_config(**{group: f"their-{group}"}))
    with pytest.raises(ConfigError, match="no scorer called 'nobody'"):
        validate(_config(scorers="nobody"))


def test_a_family_keeps_its_licence_with_a_sample_of_its_own(install: Install) -> None:
    install("families", "toy", FAMILY)
    for config in (None, TasksConfig(), TasksConfig(root="/somewhere")):
        family = make_family("toy", config)
        assert (family.licence, family.restricted) == ("theirs-1.0", True)
    assert not make_family("mimic_iii", TasksConfig()).restricted, "our sample is invented"
    assert len(load_tasks(TasksConfig(families=["toy", "npowerai"], limit=2), 0).tasks) == 4
    assert source_name(TasksConfig(families=["toy"])) == "the families' samples"


def test_what_is_installed_changes_no_run_of_the_bundled_sample(install: Install, tmp_path: Path) -> None:
    install("families", "toy", FAMILY)
    assert "toy" not in {task.family for task in load_tasks(TasksConfig(limit=1), 0).tasks}
    (tmp_path / "root" / "toy").mkdir(parents=True)
    found = load_tasks(TasksConfig(root=str(tmp_path / "root")), 0)
    assert {task.family for task in found.tasks} == {"toy"}
    assert found.absent == sorted(FAMILIES)


def test_a_family_without_a_sample_asks_for_a_root(install: Install) -> None:
    load = "    def load(self, root, split, report): return read_jsonl(root / self.name / 'tasks.jsonl', report)"
    install("families", "toy", f"from medgym_ray.tasks.records import read_jsonl\n{FAMILY}\n{load}")
    with pytest.raises(ConfigError, match=r"family toy: .*tasks\.jsonl: .*; tasks\.root=DIR says where else \(DIR/"):
        load_tasks(TasksConfig(families=["toy"]), 0)


def test_the_packages_of_a_run_are_wanted_on_every_node_in_the_same_version(install: Install) -> None:
    install("families", "toy", FAMILY)
    install("scorers", "free", SCORER.format(returned="family_score"), package="free-scorer", version="0.3")
    packages = plugins.packages_of("oracle", "namespace", "free", {"toy", "npowerai"})
    assert packages == {"stranger": "1.2", "free-scorer": "0.3"}
    plugins.require(packages)
    with pytest.raises(ConfigError, match=r"has stranger 1\.2, and the run is made with stranger 2\.0: "):
        plugins.require({"stranger": "2.0"})
    with pytest.raises(ConfigError, match=r"has no absent-package, and the run is made with absent-package 1: install"):
        plugins.require({"absent-package": "1"})


# Scorers

TASK = next(iter(ToyFamily().load(Path(), "test", LoadReport())))
RIGHT = Submission(answer=TASK.gold["answer"], has_answer=True)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def grader() -> AsyncIterator[Sandbox]:
    factory = configured_factory(SandboxConfig(kind="namespace", preimport=[]), run_id="tests", mounts={})
    await factory.start()
    yield await factory.create()
    await factory.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_scorer_has_the_last_word_but_for_the_paper_s_rule(install: Install, grader: Sandbox) -> None:
    install("scorers", "half", SCORER.format(returned="Score(family_score.reward / 2, False, 'halved', 0.1)"))
    family = scored_by("half", ToyFamily())
    assert family.scorer_version == "toy@1+half@3"
    assert await family.score(TASK, RIGHT, grader) == Score(0.5, success=False, reason="halved", reward_paper=0.5)
    assert (family.name, family.categories, family.cheats(TASK)) == ("toy", ("easy",), ToyFamily().cheats(TASK))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_scorer_gets_a_grader_in_which_nothing_has_run(install: Install, grader: Sandbox) -> None:
    class Running(ToyFamily):
        async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # type: ignore[override]
            assert (await grader.run(Cell("open('left', 'w').close()"))).status is CellStatus.OK
            return await super().score(task, submission, grader)

    looked = "Score(float((await grader.run(Cell('open(\"left\")'))).status == 'error'), True, 'looked')"
    install("scorers", "tidy", f"from medgym_ray.sandboxes.base import Cell{SCORER.format(returned=looked)}")
    assert (await scored_by("tidy", Running()).score(TASK, RIGHT, grader)).reward == 1.0


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        ("1 / 0", "scorer odd: ZeroDivisionError: division by zero"),
        ("1.0", "scorer odd: no Score with a reward from 0 to 1"),
        ("Score(1.5, True, 'generous')", "scorer odd: no Score with a reward from 0 to 1"),
        ("Score(float('nan'), True, 'odd')", "scorer odd: no Score with a reward from 0 to 1"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_scorer_that_fails_is_a_failure_and_no_reward(
    install: Install, grader: Sandbox, returned: str, why: str
) -> None:
    install("scorers", "odd", SCORER.format(returned=returned))
    with pytest.raises(ScorerError, match=f"^{why}$"):
        await scored_by("odd", ToyFamily()).score(TASK, RIGHT, grader)


# Policies


async def test_a_policy_is_made_with_its_configuration_and_its_replica_s_name(install: Install) -> None:
    install("policies", "said", POLICY)
    model = ModelConfig(name="mine", kind="said", replicas=3, gpus=0)
    assert (model.engines(), model.scripted) == (3, False)
    engine = make_engine(model, "replica-2")
    await engine.warm_up()
    await engine.check_health()
    engine.close()
    with pytest.raises(ConfigError, match=r"model\.kind=said takes token ids: model\.path=DIR has to say whose"):
        chat_template(model)


@pytest.mark.vllm
def test_a_policy_that_takes_tokens_has_the_tokenizer_at_its_path(install: Install, tmp_path: Path) -> None:
    install("policies", "said", POLICY)
    install("policies", "heard", POLICY.replace("True", "False"), package="other")
    write_model(tmp_path / "model", seed=0)
    template = chat_template(ModelConfig(name="mine", kind="said", path=str(tmp_path / "model")))
    assert template is not None
    assert template.prompt([Message("user", "hello")])
    assert chat_template(ModelConfig(name="mine", kind="heard", path=str(tmp_path / "model"))) is None


# The example


@pytest.fixture
def example(example_site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(example_site)
    return example_site


def test_the_example_s_family_has_forty_lines(example: Path) -> None:
    lines = (example / "medgym_example" / "family.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 40
    assert make_family("fluids").sample_root().is_relative_to(example)
    assert make_family("npowerai").sample_root() == sample_dir()


def test_the_example_s_family_names_records_that_it_cannot_use(example: Path, tmp_path: Path) -> None:
    (tmp_path / "fluids").mkdir()
    lines = ['{"id": "1", "kg": 3, "ml_per_h": 12}', '{"id": "2", "kg": 3}', '{"id": "3", "kg": "x", "ml_per_h": 1}']
    (tmp_path / "fluids" / "test_tasks.jsonl").write_text("\n".join(lines))
    found = load_tasks(TasksConfig(root=str(tmp_path)), 0)
    assert [task.task_id for task in found.tasks] == ["fluids/1"]
    assert [line.split(":")[1] for line in found.report.broken] == ["2", "3"]


def test_the_example_s_scorer_pays_half_for_what_is_close(example: Path) -> None:
    scorer = importlib.import_module("medgym_example.scorer").Close()
    wrong = Score(0.0, success=False, reason="wrong")

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def close(answer: float) -> None:
        score = asyncio.run(scorer.score(TASK, Submission(answer=answer, has_answer=True), None, wrong))
        gold = TASK.gold["answer"]
        assert score.reward == (0.5 if abs(answer - gold) <= 0.1 * gold else 0.0)
        assert not score.success

    close()


async def test_the_example_s_sandbox_gives_cells_less(example: Path) -> None:
    factory = configured_factory(SandboxConfig(kind="strict", preimport=[]), run_id="tests", mounts={})
    assert factory.provenance()["kind"] == "strict"
    try:
        await factory.start()
        sandbox = await factory.create()
        await sandbox.put({"there.txt": b"here"})
        assert (await sandbox.run(Cell("answer = open('there.txt').read()"))).answer == "here"
        assert (await sandbox.run(Cell("b'x' * (400 << 20)"))).status is not CellStatus.OK, "1,024 MiB are the default"
        await sandbox.reset()
        assert (await sandbox.run(Cell("open('there.txt')"))).status is CellStatus.ERROR
    finally:
        await factory.close()


def test_groups_are_called_what_the_example_declares(example: Path) -> None:
    assert {group: name for group in Group for name in plugins.names(group) if name in _EXAMPLE} == dict(
        zip(Group, _EXAMPLE, strict=True)
    )


_EXAMPLE = ("fluids", "close", "rule", "strict")
