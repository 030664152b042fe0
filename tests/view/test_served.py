"""The served page: loopback, its own name, its secret; trajectories and search as they are stored."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from medgym_ray.errors import ConfigError
from medgym_ray.store.stored import open_run
from medgym_ray.view.catalogue import read_catalogue
from medgym_ray.view.index import make_index
from medgym_ray.view.served import Library, listen, make_application
from medgym_ray.view.vocabulary import Unknown
from tests.view.stored_runs import mixed_run


def _library(root: Path, tasks: int, *, restricted: bool = True) -> Library:
    return Library(open_run(str(mixed_run(root, tasks))), Unknown(), rows=2 * tasks, restricted=restricted)


def test_every_row_is_found_in_its_shard(tmp_path: Path) -> None:
    library = _library(tmp_path, 5)
    ids = [library.chunk(row)["bodies"][0]["trajectory_id"] for row in range(10)]
    assert ids == [f"{row // 2:031x}{row % 2}" for row in range(10)]
    for row in (-1, 10):
        with pytest.raises(IndexError):
            library.chunk(row)


def test_texts_are_searched_in_any_case_and_restricted_ones_only_where_they_are_shown(tmp_path: Path) -> None:
    library = _library(tmp_path / "a", 4)
    assert library.search("NEEDLE3 of 1") == [7]
    assert library.search("handed in") == list(range(8)), "an observation that is no message"
    assert library.search("100% _ ' nothing") == []
    without = _library(tmp_path / "b", 4, restricted=False)
    assert without.search("needle3") == []
    assert without.search("needle2") == [4, 5]
    assert without.chunk(7)["bodies"] == [None]


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    stored = open_run(str(mixed_run(tmp_path, 3)))
    data: dict[str, Any] = {"index": make_index(read_catalogue(stored), restricted=True), "summary": {}}
    with listen(0) as found:
        port = found.getsockname()[1]
        library = Library(stored, Unknown(), rows=6, restricted=True)
        runner = web.AppRunner(make_application(data, library, port, "secret"))
        await runner.setup()
        await web.SockSite(runner, found).start()
        yield f"http://127.0.0.1:{port}"
        await runner.cleanup()


async def test_only_who_has_the_secret_is_shown_anything(address: str) -> None:
    async with ClientSession() as session:
        for path, status in [("/secret/", 200), ("/secret/trajectories/5", 200), ("/secret/trajectories/6", 404)]:
            async with session.get(f"{address}{path}") as answer:
                assert answer.status == status
        for path in ("/", "/trajectories/0", "/guess/", "/guess/search?text=a"):
            async with session.get(f"{address}{path}") as answer:
                assert answer.status == 404
                assert "needle" not in await answer.text()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", ""])
async def test_a_name_that_was_rebound_to_loopback_is_refused(address: str, host: str) -> None:
    named = host.format(port=address.rpartition(":")[2])
    async with ClientSession() as session:
        for path in ("/secret/trajectories/0", "/nowhere"):
            async with session.get(f"{address}{path}", headers={"Host": named}) as answer:
                assert answer.status == 403


async def test_nothing_is_kept_by_others(address: str) -> None:
    async with ClientSession() as session, session.get(f"{address}/secret/search?text=needle1") as answer:
        assert json.loads(await answer.text()) == {"rows": [2, 3]}
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_it_listens_on_loopback_and_says_when_a_port_is_taken() -> None:
    with listen(0) as taken:
        assert taken.getsockname()[0] == "127.0.0.1"
        taken.listen()
        with pytest.raises(ConfigError, match="port=0"):
            listen(taken.getsockname()[1])
    with pytest.raises(ConfigError, match="port=99999"):
        listen(99999)
