"""The page in a real browser: from a disk and from its server, by mouse and by key, and it asks nobody anything."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from aiohttp import web

from medgym_ray.store.stored import open_run
from medgym_ray.view.__main__ import ViewConfig, run
from medgym_ray.view.catalogue import read_catalogue
from medgym_ray.view.index import make_index
from medgym_ray.view.served import Library, listen, make_application
from medgym_ray.view.summary import summarise
from medgym_ray.view.vocabulary import Unknown
from tests.records import make_failure, make_trajectory
from tests.view.stored_runs import conversation, mixed_run, store_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

_ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
_HOSTILE = '</script><script>document.title="broken"</script><img src=x onerror=alert(1)>{{script}}<!--'


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium of the system."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A tab, whose test fails where the console complains or a request goes anywhere but to this page's own place."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, color_scheme="light")
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    complaints: list[str] = []
    tab.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    near = ("file:", "data:", "http://127.0.0.1:")
    tab.on("request", lambda request: None if request.url.startswith(near) else complaints.append(request.url))
    yield tab
    context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of 40 in one file."""
    return _written(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same with its trajectories beside it."""
    return _written(tmp_path_factory.mktemp("large"), inside=0)


def _written(folder: Path, **options: Any) -> str:
    run(ViewConfig(run=str(mixed_run(folder / "run")), page=str(folder / "page.html"), **options))
    return (folder / "page.html").as_uri()


def _open(page: "Page", address: str) -> None:
    page.goto(address)
    page.wait_for_selector("html[data-ready]")


def _shows(page: "Page", selector: str, text: str) -> None:
    """Waits without evaluating anything in the page, which its policy forbids."""
    page.locator(selector, has_text=text).wait_for()


def _tasks(page: "Page") -> list[str]:
    return page.locator(".option-name").all_inner_texts()


def _id(task: int, rollout: int) -> str:
    return f"{task:031x}{rollout}"


def test_the_overview_says_how_the_run_went(page: "Page", small: str) -> None:
    _open(page, small)
    text = page.inner_text("main")
    for expected in ("50.0 %", "40", "Success by family", "repeated_action", "SandboxError", "1 task dropped"):
        assert expected in text
    assert "actor lost" in text
    assert "patient-level text: 2 trajectories" in page.inner_text("#restricted-notice")
    page.get_by_role("button", name="categories of a").click()
    page.get_by_role("link", name="odd").first.click()
    page.wait_for_selector(".option")
    assert "family=a&category=odd" in page.url
    assert "of 40" in page.inner_text("#found")


def test_filters_narrow_the_list_and_are_in_the_address(page: "Page", small: str) -> None:
    _open(page, f"{small}#/list")
    page.get_by_label("Family").select_option("b")
    page.get_by_label("Outcome").focus()
    page.get_by_label("Outcome").select_option("failure")
    assert page.inner_text("#found") == "10 of 40"
    assert page.evaluate("document.activeElement.name") == "outcome", "the next key goes to the same field"
    page.get_by_label("Sorted by").select_option("task")
    page.get_by_role("button", name="ascending").click()
    assert _tasks(page)[0] == "b/9"
    page.get_by_label("Search").fill("b/1")
    _shows(page, "#found", "6 of 40")
    again = page.context.new_page()
    _open(again, page.url)
    again.wait_for_selector(".option")
    assert _tasks(again) == _tasks(page) == ["b/19", "b/17", "b/15", "b/13", "b/11", "b/1"]


@pytest.mark.parametrize("kind", ["small", "large"])
def test_a_trajectory_shows_what_was_said_and_what_it_took(
    page: "Page", kind: str, request: pytest.FixtureRequest
) -> None:
    _open(page, f"{request.getfixturevalue(kind)}#/list")
    page.locator(".option").nth(2).click()
    page.wait_for_selector(".trajectory")
    assert page.url.endswith(f"#/t/{_id(1, 0)}")
    text = page.inner_text(".detail")
    for expected in ("b/1", "needle1 of 0", "code_execution", "truncated", "rows 1", "handed in", "graded 1"):
        assert expected in text
    assert page.locator(".c-keyword", has_text="import").count() == 1
    assert page.locator(".c-comment").inner_text() == "# beds"
    assert page.locator(".timings tbody tr").first.locator(".number").all_inner_texts() == ["5 ms", "30 ms", "10 ms"]
    page.locator(".tokens > summary").click()
    page.locator(".strip .token").first.wait_for()
    kinds = page.locator(".strip .token").evaluate_all("all => all.map(one => one.className)")
    assert kinds == ["token told", "token told", "token lp-0", "token lp-3", "token told"]
    assert "log-probability -3" in (page.locator(".strip .token").nth(3).get_attribute("title") or "")


def test_a_link_opens_its_trajectory_and_a_dead_one_says_so(page: "Page", small: str) -> None:
    _open(page, f"{small}#/t/{_id(7, 1)}?family=b")
    page.wait_for_selector(".trajectory")
    assert "b/7 · rollout 1" in page.inner_text("#trajectory-title")
    assert page.inner_text("#found") == "20 of 40"
    page.goto(f"{small}#/t/nonsense")
    page.wait_for_selector(".detail .notice")
    assert "No trajectory nonsense" in page.inner_text(".detail")


def test_rollouts_of_a_task_stand_side_by_side(page: "Page", small: str) -> None:
    _open(page, f"{small}#/t/{_id(4, 0)}")
    page.get_by_role("link", name="Compare 2 rollouts").click()
    page.wait_for_selector(".column")
    assert page.url.endswith("#/task/a%2F4")
    columns = page.locator(".column").all_inner_texts()
    assert ["needle4 of 0" in columns[0], "needle4 of 1" in columns[1]] == [True, True]
    page.locator(".shared summary").first.click()
    assert page.locator(".shared").inner_text().count("How many?") == 1
    assert not any("How many?" in column for column in columns)
    page.get_by_label("#1").uncheck()
    page.locator(".column").nth(1).wait_for(state="detached")


def test_everything_can_be_done_with_keys(page: "Page", small: str) -> None:
    _open(page, small)
    press = page.keyboard.press
    press("/")
    page.locator("#search:focus").wait_for()
    page.keyboard.type("a/1")
    _shows(page, "#found", "10 of 40")
    press("Enter")
    for key in "jjk":
        press(key)
    press("Enter")
    page.wait_for_selector(".trajectory")
    page.locator("#trajectory-title:focus").wait_for()
    assert "a/10 · rollout 0" in page.inner_text("#trajectory-title")
    press("j")
    _shows(page, "#trajectory-title", "rollout 1")
    press("c")
    page.wait_for_selector(".column")
    press("Escape")
    page.wait_for_selector(".list")
    press("?")
    assert page.get_by_role("dialog").get_by_text("next / previous").is_visible()
    press("Escape")
    assert page.get_by_role("dialog").count() == 0
    press("o")
    page.wait_for_selector(".tiles")


def test_dark_and_light_follow_the_system_until_one_is_chosen(page: "Page", small: str) -> None:
    _open(page, small)
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="use light colours").wait_for()
    assert page.evaluate(colour) != light
    page.get_by_role("button", name="use light colours").click()
    assert page.evaluate(colour) == light
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate(colour) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["#/", f"#/t/{_id(3, 1)}", "#/task/a%2F4"])
def test_text_stands_out_from_its_ground(page: "Page", small: str, scheme: Any, view: str) -> None:
    page.emulate_media(color_scheme=scheme)
    _open(page, f"{small}{view}")
    page.wait_for_selector(".tiles, .trajectory, .column")
    assert page.evaluate(_CONTRAST) == []


_CONTRAST = """() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.a > 0) return colour;
    }
  };
  const poor = new Set();
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || node instanceof SVGElement || !node.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`${node.tagName}.${node.className}: ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""


def test_who_reads_with_a_screen_reader_finds_landmarks_names_and_tables(page: "Page", small: str) -> None:
    _open(page, small)
    for role in ("banner", "navigation", "main"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    unnamed = "all => all.filter(one => !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length"
    page.goto(f"{small}#/list")
    page.wait_for_selector(".option")
    assert page.locator("button, select, input").evaluate_all(unnamed) == 0
    assert page.get_by_role("listbox", name="Trajectories").get_by_role("option").count() > 5
    page.goto(f"{small}#/")
    page.wait_for_selector(".tiles")
    charts = page.locator("figure")
    assert charts.count() == 4
    assert charts.locator("table").count() == 4, "every chart is a table too"


def test_what_a_model_wrote_is_text(page: "Page", tmp_path: Path) -> None:
    fields = dict.fromkeys(("task_id", "answer", "score_reason", "category", "family"), _HOSTILE)
    said = conversation(_HOSTILE, observation=_HOSTILE)
    rows = [make_trajectory(str(n), rollout_index=n, flags=[_HOSTILE], **fields, **said) for n in range(2)]
    stored = store_run(tmp_path / "run", rows)
    for name, inside in (("in.html", 10), ("out.html", 0)):
        target = tmp_path / name
        run(ViewConfig(run=str(stored), page=str(target), inside=inside))
        for view, shown in (("", ".tiles"), ("list", ".option"), ("t/0", ".trajectory"), ("task/X", ".column")):
            page.goto("about:blank")
            _open(page, f"{target.as_uri()}#/{view.replace('X', quote(_HOSTILE, safe=''))}")
            page.wait_for_selector(shown)
            assert page.title() != "broken"
            assert page.locator("img").count() == 0
            assert _HOSTILE in page.locator("main").text_content()


def test_a_page_without_its_files_says_what_is_missing(browser: "Browser", tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run(ViewConfig(run=str(mixed_run(tmp_path / "run", tasks=2)), page=str(page), inside=0))
    (tmp_path / "moved.html").write_bytes(page.read_bytes())
    (tmp_path / "page.html.bodies").rename(tmp_path / "elsewhere")
    tab = browser.new_page()
    tab.goto(f"{(tmp_path / 'moved.html').as_uri()}#/t/{_id(0, 0)}")
    tab.wait_for_selector(".detail .notice")
    assert "page.html.bodies/00000.js is not beside the page" in tab.inner_text(".detail")
    tab.close()


def test_a_run_of_failures_alone_can_be_looked_at(page: "Page", tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    run(ViewConfig(run=str(store_run(tmp_path / "run", [], [make_failure("t")])), page=str(target)))
    for view, says in (("#/", "SandboxError"), ("#/list", "0 trajectories"), ("#/task/x", "No task x")):
        page.goto("about:blank")
        _open(page, f"{target.as_uri()}{view}")
        assert says in page.inner_text("main")


def test_what_was_left_out_is_said(page: "Page", tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    run(ViewConfig(run=str(mixed_run(tmp_path / "run", tasks=2)), page=str(target), restricted=False))
    _open(page, f"{target.as_uri()}#/t/{_id(1, 0)}")
    page.wait_for_selector(".trajectory")
    assert "hold patients' data and were left out" in page.inner_text(".detail")
    assert "were left out" in page.inner_text("#restricted-notice")


def test_a_long_list_is_drawn_where_it_is_looked_at(page: "Page", tmp_path: Path) -> None:
    rows = [make_trajectory(f"{n:032x}", task_id=f"f/{n:05}") for n in range(3000)]
    run(ViewConfig(run=str(store_run(tmp_path / "run", rows)), page=str(tmp_path / "page.html"), inside=0))
    _open(page, f"{(tmp_path / 'page.html').as_uri()}#/list")
    page.wait_for_selector(".option")
    assert page.locator(".option").count() < 60
    page.locator(".list").focus()
    page.keyboard.press("End")
    _shows(page, ".option[aria-selected=true]", "f/02999")
    assert page.locator(".option").count() < 60


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a served page."""
    stored = open_run(str(mixed_run(tmp_path / "run")))
    catalogue = read_catalogue(stored)
    data = {"summary": summarise(stored, catalogue), "index": make_index(catalogue, restricted=True)}
    loop, found = asyncio.new_event_loop(), listen(0)
    port = found.getsockname()[1]
    library = Library(stored, Unknown(), rows=40, restricted=True)
    runner = web.AppRunner(make_application(data, library, port, "secret"))

    async def start() -> None:
        await runner.setup()
        await web.SockSite(runner, found).start()

    # In a thread of its own: in this one the browser's events run.
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(timeout=20)
    yield f"http://127.0.0.1:{port}/secret/"
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(timeout=20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_the_served_page_reads_trajectories_and_searches_all_texts(page: "Page", served: str) -> None:
    _open(page, f"{served}#/list")
    page.get_by_label("Search").fill("NEEDLE12 of")
    _shows(page, "#found", "0 of 40")
    page.get_by_label("and in conversations").check()
    _shows(page, "#found", "2 of 40")
    page.locator(".option").first.click()
    page.wait_for_selector(".trajectory")
    assert "needle12 of 0" in page.inner_text(".detail")
    assert json.loads(page.evaluate("fetch('trajectories/0').then(a => a.text())"))["texts"] == {}
