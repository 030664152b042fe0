"""Restricted data goes to no third party, unless the agreement that allows it is named."""

import json
import shutil
from pathlib import Path

import pytest

from medgym_ray.config import PrivacyConfig
from medgym_ray.errors import ConfigError
from medgym_ray.paths import sample_dir
from medgym_ray.privacy import Destination, check, provenance
from tests.cluster.command import generate, rows
from tests.policies.chat_server import ChatServer, reply

_ELSEWHERE = "192.0.2.1"  # set aside for documentation: nobody's
_SUBMIT = json.dumps({"action": "submit", "params": {"answer": [["1"]]}})


def _to(url: str) -> list[Destination]:
    return [Destination("model.endpoint.base_url", url)]


@pytest.mark.parametrize(
    "url",
    [
        f"https://{_ELSEWHERE}/v1",
        "https://api.openai.com/v1",
        "http://nowhere.invalid/v1",
        "http:///v1",
        "http://localhost.example.org/",
    ],
)
def test_a_third_party_is_refused_and_named(url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"model\.endpoint\.base_url: .*third party, and eicu, mimic_iii may not leave"
    ):
        check(_to(url), ["mimic_iii", "eicu", "mimic_iii"], PrivacyConfig())


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/v1", "http://127.0.0.1/v1", "http://[::1]:80/v1", "http://127.9.9.9/"]
)
def test_this_machine_is_none(url: str) -> None:
    check(_to(url), ["mimic_iii"], PrivacyConfig())


def test_neither_are_the_cluster_and_ones_own_hosts() -> None:
    check(_to(f"http://{_ELSEWHERE}:8000/v1"), ["eicu"], PrivacyConfig(), nodes={_ELSEWHERE})
    check(_to("https://LLM.hospital.example/v1"), ["eicu"], PrivacyConfig(hosts=["llm.hospital.Example"]))
    with pytest.raises(ConfigError):
        check(_to("https://llm.hospital.example.org/v1"), ["eicu"], PrivacyConfig(hosts=["llm.hospital.example"]))


def test_open_data_may_go_anywhere() -> None:
    check(_to(f"http://{_ELSEWHERE}/v1"), [], PrivacyConfig())


def test_an_override_names_its_agreement() -> None:
    allowed = PrivacyConfig(allow_third_party=True, agreement="DUA 12")
    check(_to(f"http://{_ELSEWHERE}/v1"), ["eicu"], allowed)
    assert provenance(allowed) == {"agreement": "DUA 12"}
    assert provenance(PrivacyConfig()) == {}
    for halfway in (PrivacyConfig(allow_third_party=True), PrivacyConfig(allow_third_party=True, agreement=" ")):
        with pytest.raises(ConfigError, match="name the agreement"):
            check([], [], halfway)
    with pytest.raises(ConfigError, match=r"only privacy\.allow_third_party=true needs one"):
        check([], [], PrivacyConfig(agreement="DUA 12"))


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """Tables that are taken for real ones, because they do not come with the package."""
    shutil.copytree(sample_dir() / "mimic_iii", tmp_path / "data" / "mimic_iii")
    return tmp_path / "data"


_ASKED = ("+model=openai", "model.endpoint.model=served", "tasks=mimic_iii", "tasks.limit=2", "agent.max_turns=1")


def test_the_command_refuses_before_it_connects_or_writes(hospital: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    where = f"model.endpoint.base_url=http://{_ELSEWHERE}:9/v1"
    env = {"OPENAI_API_KEY": "sk-1"}
    ended = generate(*_ASKED, where, f"tasks.root={hospital}", f"output.dir={run}", env=env)
    assert ended.code == 2
    assert f"{_ELSEWHERE} is a third party, and mimic_iii may not leave" in ended.complaint
    assert not run.exists()


@pytest.mark.parametrize(
    ("switch", "setting"),
    [("agent.debugger=openai", "agent.debugger_endpoint"), ("judge.kind=openai", "judge.endpoint")],
)
def test_the_command_refuses_a_debugger_and_a_judge_of_somebody_elses(
    hospital: Path, tmp_path: Path, switch: str, setting: str
) -> None:
    run = tmp_path / "run"
    where = (f"{setting}.base_url=http://{_ELSEWHERE}:9/v1", f"{setting}.model=m")
    ended = generate(
        *(switch, *where, "tasks=mimic_iii", f"tasks.root={hospital}", f"output.dir={run}"),
        env={"OPENAI_API_KEY": "sk-1"},
    )
    assert ended.code == 2
    assert f"{setting}.base_url: {_ELSEWHERE} is a third party, and mimic_iii may not leave" in ended.complaint
    assert not run.exists()


def test_the_command_refuses_a_bucket_of_somebody_elses(hospital: Path) -> None:
    env = {"AWS_ENDPOINT_URL": f"http://{_ELSEWHERE}:9"}
    ended = generate("tasks=mimic_iii", f"tasks.root={hospital}", "output.dir=s3://bucket/run", env=env)
    assert ended.code == 2
    assert f"output.dir: {_ELSEWHERE} is a third party" in ended.complaint


def test_a_server_of_ones_own_is_asked_and_an_override_recorded(hospital: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    override = ("privacy.allow_third_party=true", "privacy.agreement='DUA 12, no retention'")
    secret = "sk-of-this-test"
    with ChatServer(lambda n, body: reply(_SUBMIT), key=secret).running() as server:
        ended = generate(
            *_ASKED,
            *override,
            f"model.endpoint.base_url={server.url}",
            "model.endpoint.key_env=TEST_KEY",
            "model.endpoint.usd_per_million.prompt=1000",
            f"tasks.root={hospital}",
            f"output.dir={run}",
            env={"TEST_KEY": secret},
        )
    assert ended.code == 0, ended.err
    assert "$2.0000 in this command" in ended.out
    assert [json.loads(row["provenance"])["agreement"] for row in rows(run)] == ["DUA 12, no retention"] * 2
    assert [row["turns"][0]["cost_usd"] for row in rows(run)] == [1.0] * 2
    assert len(server.bodies) == 2
    written = b"".join(path.read_bytes() for path in run.rglob("*") if path.is_file())
    assert secret.encode() not in written
    assert secret not in ended.out + ended.err + json.dumps(rows(run), default=str)
