"""The page as a file: nothing of a run can break out of it, and what it holds is what was stored."""

import base64
import gzip
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.errors import ConfigError
from medgym_ray.store.layout import TRAJECTORIES
from medgym_ray.store.stored import open_run, read_shard
from medgym_ray.trajectory import Turn
from medgym_ray.view.__main__ import ViewConfig, run
from medgym_ray.view.assembly import Bodies, assemble, pack
from medgym_ray.view.bodies import make_bodies, packed, to_json
from medgym_ray.view.static import bodies_folder
from medgym_ray.view.vocabulary import Unknown
from tests.records import make_failure, make_trajectory
from tests.view.stored_runs import mixed_run, store_run


class _Blocks(HTMLParser):
    """The tags of a page, and the text of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.blocks: dict[str, str] = {}
        self._block: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._block = dict(attrs).get("id") or "" if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._block is not None:
            self.blocks[self._block] = self.blocks.get(self._block, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._block = None


def _unpack(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


_HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(
        ["</script>", "<!--", "-->", "<script>", "{{script}}", "{{data}}", "]]>", "\u2028", "${x}", "`", "\0"]
    ),
)


@given(st.lists(_HOSTILE, max_size=6))
def test_whatever_a_model_wrote_the_page_has_the_same_elements(texts: list[str]) -> None:
    said = "".join(texts)
    empty = _Blocks(assemble({"a": ""}, Bodies.INSIDE, [pack(to_json(""))]))
    page = _Blocks(assemble({"a": said}, Bodies.INSIDE, [pack(to_json(said))]))
    assert page.tags == empty.tags
    assert page.blocks[""] == empty.blocks[""]
    assert _unpack(page.blocks["data"])["a"] == said
    assert _unpack(page.blocks["chunk-0"]) == said


def test_the_policy_allows_no_request_and_only_the_pages_own_script() -> None:
    html = assemble({}, Bodies.INSIDE)
    policy = re.search(r'Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.group(1).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/=]+'", rules["script-src"])
    assert rules["require-trusted-types-for"] == "'script'"
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html)


def test_no_script_of_the_page_makes_html_of_text() -> None:
    sinks = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc")
    assert not sinks.search(assemble({}, Bodies.BESIDE))


def _body(root: Path, restricted: bool = True) -> list[dict[str, Any] | None]:
    stored = open_run(str(root))
    (entry,) = stored.entries()
    (batch,) = read_shard(stored.root, entry.shard, TRAJECTORIES, None, 64)
    return make_bodies(batch, Unknown(), restricted=restricted)


@given(
    st.lists(st.tuples(st.integers(0, 2**31 - 1), st.booleans(), st.floats(-60, 0)), min_size=1, max_size=50),
)
def test_tokens_come_back_as_they_were(tokens: list[tuple[int, bool, float]]) -> None:
    ids, mask = np.array([t for t, _, _ in tokens]), np.array([m for _, m, _ in tokens])
    logprobs = np.array([p for _, m, p in tokens if m])
    strip = packed("", ids, mask, logprobs)
    assert np.frombuffer(base64.b64decode(strip["ids"]), "<i4").tolist() == ids.tolist()
    runs = strip["mask"]
    assert [bool(i % 2) for i, n in enumerate(runs) for _ in range(n)] == mask.tolist()
    found = np.frombuffer(base64.b64decode(strip["logprobs"]), "<u2") / -1000
    assert np.allclose(found, logprobs, atol=0.0006)


def test_replies_that_were_not_kept_in_one_sequence_are_shown_turn_by_turn(tmp_path: Path) -> None:
    turns = [
        Turn(completion_token_ids=[1, 2], completion_logprobs=[-1.0, -2.0]),
        Turn(),
        Turn(completion_token_ids=[3], completion_logprobs=None),
    ]
    (body,) = _body(store_run(tmp_path, [make_trajectory("t", turns=turns, append_only=False)]))
    assert body is not None
    assert [(strip["title"], strip["mask"]) for strip in body["tokens"]] == [("turn 1", [0, 2]), ("turn 3", [0, 1])]


def test_an_observation_is_there_once(tmp_path: Path) -> None:
    said = [("user", "?"), ("assistant", "!"), ("user", "seen")]
    messages = [{"role": role, "content": content} for role, content in said]
    turns = [Turn(observation="seen"), Turn(observation="the last, which nobody was told")]
    (body,) = _body(store_run(tmp_path, [make_trajectory("t", messages=messages, turns=turns)]))
    assert body is not None
    assert [turn.get("observation") for turn in body["turns"]] == [None, "the last, which nobody was told"]


def test_what_is_no_number_becomes_null() -> None:
    assert json.loads(to_json({"a": [float("nan"), 1.5]})) == {"a": [None, 1.5]}


def _made(html: Path) -> dict[str, Any]:
    return dict(_unpack(_Blocks(html.read_text()).blocks["data"]))


def test_a_small_run_is_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert run(ViewConfig(run=str(mixed_run(tmp_path / "run", tasks=3)), page=str(page))) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "run"]
    told = capsys.readouterr()
    assert "6 trajectories; open it" in told.out
    assert "2 of 6 trajectories hold patients' data" in told.err
    blocks = _Blocks(page.read_text()).blocks
    bodies = _unpack(blocks["chunk-0"])["bodies"]
    assert [body["messages"][2]["content"].split()[0] for body in bodies] == [f"needle{n // 2}" for n in range(6)]


def test_a_large_run_lies_beside_its_page_and_is_replaced_whole(tmp_path: Path) -> None:
    stored, page = mixed_run(tmp_path / "run", tasks=3), tmp_path / "page.html"
    config = ViewConfig(run=str(stored), page=str(page), inside=2)
    assert run(config) == 0
    folder = bodies_folder(page)
    assert [path.name for path in folder.iterdir()] == ["00000.js"]
    call = re.fullmatch(r'medgymChunk\("(\w+)",(\d+),"([\w+/=]+)"\)\n', (folder / "00000.js").read_text())
    assert call is not None
    assert call[1] == _made(page)["stamp"]
    assert len(_unpack(call[3])["bodies"]) == 6
    assert run(ViewConfig(run=str(stored), page=str(page))) == 0
    assert not folder.exists(), "the page has everything inside it now"


def test_restricted_rows_are_left_out_whole(tmp_path: Path) -> None:
    stored, page = mixed_run(tmp_path / "run", tasks=3), tmp_path / "page.html"
    assert run(ViewConfig(run=str(stored), page=str(page), restricted=False)) == 0
    blocks = _Blocks(page.read_text()).blocks
    assert [body is None for body in _unpack(blocks["chunk-0"])["bodies"]] == [False] * 4 + [True] * 2
    everything = json.dumps([_unpack(text) for name, text in blocks.items() if name])
    assert "needle1" in everything
    assert "needle2" not in everything
    assert _made(page)["index"]["answer"][4:] == [None, None]


@pytest.mark.parametrize("there", ["page.html", "page.html.bodies"])
def test_what_is_no_page_of_ours_is_not_overwritten(tmp_path: Path, there: str) -> None:
    stored = mixed_run(tmp_path / "run", tasks=2)
    (tmp_path / there).write_text("precious")
    with pytest.raises(ConfigError, match="is there already"):
        run(ViewConfig(run=str(stored), page=str(tmp_path / "page.html")))
    assert (tmp_path / there).read_text() == "precious"


def _spoil_messages(shard: Path) -> None:
    group = pq.ParquetFile(shard).metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    (messages,) = [column for column in columns if column.path_in_schema == "messages.list.element.content"]
    content = bytearray(shard.read_bytes())
    start = messages.dictionary_page_offset or messages.data_page_offset
    content[start : start + messages.total_compressed_size] = bytes(messages.total_compressed_size)
    shard.write_bytes(content)


def test_a_shard_that_is_damaged_leaves_no_half_of_a_page(tmp_path: Path) -> None:
    stored, page = mixed_run(tmp_path / "run", tasks=4), tmp_path / "pages" / "page.html"
    assert run(ViewConfig(run=str(stored), page=str(page), inside=1)) == 0
    before = page.read_bytes()
    _spoil_messages(sorted((stored / "trajectories").iterdir())[-1])  # which figures do not need
    with pytest.raises(OSError, match="restore it from a copy"):
        run(ViewConfig(run=str(stored), page=str(page), inside=1))
    assert page.read_bytes() == before
    assert sorted(path.name for path in page.parent.iterdir()) == ["page.html", "page.html.bodies"]


def test_a_run_without_trajectories_has_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    stored = store_run(tmp_path / "run", [], [make_failure("t")])
    assert run(ViewConfig(run=str(stored), page=str(page))) == 0
    assert _made(page)["index"] == {"rows": 0}
    assert _made(page)["summary"]["failures"] == [["SandboxError", 1, 0]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run=nowhere"], "run=nowhere: no run is there"),
        ([], "no value for run"),
        (["run=.", "outptu=x"], "no key called 'outptu'"),
    ],
)
def test_a_command_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    command = [sys.executable, "-m", "medgym_ray.view", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
