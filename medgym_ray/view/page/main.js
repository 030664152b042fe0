// Addresses, keys and colours.

const KEYS = [
  ["j / k", "next / previous trajectory"],
  ["Enter", "open it"],
  ["Esc", "back: to the list, out of a field"],
  ["/", "search"],
  ["c", "compare the rollouts of its task"],
  ["o / l", "overview / list"],
  ["?", "this help"],
];
const browser = { list: null, filters: null, form: null, side: null, detail: null, element: null, focusDetail: false };
let shownView = null;
let turn = 0; // of routing: what was begun for an earlier address is dropped

function openBrowser(filters) {
  if (!browser.element) {
    browser.list = new TrajectoryList((row) => go("t", index.at("id", row)));
    browser.side = el("section", { class: "side", "aria-label": "List of trajectories" });
    browser.detail = el("section", { class: "detail", "aria-label": "Trajectory" });
    browser.element = el("div", { class: "browser" }, browser.side, browser.detail);
  }
  const wanted = JSON.stringify(filters);
  if (browser.filters !== wanted) {
    browser.filters = wanted;
    if (document.activeElement?.id !== "search") drawFilters(filters); // who types goes on typing
    refilter(filters);
  }
  return browser.element;
}

// The focus stays where it was, in the form that takes the other's place.
function drawFilters(filters) {
  const focused = document.activeElement?.closest("form") === browser.form ? document.activeElement.name : null;
  browser.form = filterForm(filters, changeFilters);
  browser.side.replaceChildren(browser.form, browser.list.element);
  if (focused) browser.form.elements.namedItem(focused)?.focus();
}

async function refilter(filters) {
  const mine = browser.filters;
  browser.list.show(filtered(filters, null));
  tellFound(filters);
  if (!filters.q || !filters.texts) return;
  $("found")?.replaceChildren("searching …");
  try {
    const found = await searchBodies(filters.q.toLowerCase());
    if (browser.filters !== mine) return;
    browser.list.show(filtered(filters, found));
    tellFound(filters);
  } catch (error) {
    $("found")?.replaceChildren(`the texts cannot be searched: ${error.message}`);
  }
}

function tellFound(filters) {
  const [found, all] = [browser.list.rows.length, index.rows];
  const read = run.where === "beside" && filters.texts && filters.q ? ` (texts of ${count(bodiesRead.size)} read)` : "";
  browser.side.querySelector("#found")?.replaceChildren(found === all ? `${some(all, "trajectory", "trajectories")}` : `${count(found)} of ${count(all)}${read}`);
  announce(some(found, "trajectory", "trajectories"));
}

function changeFilters(filters) {
  const { view, subject } = readAddress(location.hash);
  history.replaceState(null, "", address(view === "t" ? "t" : "list", view === "t" ? subject : "", filters));
  route();
}

function go(view, subject = "") {
  location.hash = address(view, subject, readAddress(location.hash).filters);
}

async function route() {
  const mine = ++turn;
  const { view, subject, filters } = readAddress(location.hash);
  const main = $("main");
  const moved = shownView !== null && shownView !== view && !(shownView === "t" && view === "list") && !(shownView === "list" && view === "t");
  shownView = view;
  for (const [id, here] of [["to-overview", view === "overview"], ["to-list", view !== "overview"]]) {
    here ? $(id).setAttribute("aria-current", "page") : $(id).removeAttribute("aria-current");
  }
  $("to-list").href = address("list", "", filters);
  document.body.dataset.view = view;
  if (view === "task") {
    document.title = `${subject} · medgym_ray`;
    const shown = await told(() => comparisonView(subject, filters));
    if (mine === turn) main.replaceChildren(shown);
  } else if (view === "list" || view === "t") {
    const element = openBrowser(filters);
    if (element.parentNode !== main) main.replaceChildren(element);
    await showTrajectory(view === "t" ? subject : null, filters, mine);
  } else {
    main.replaceChildren(overview());
  }
  if (moved && mine === turn) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

async function showTrajectory(id, filters, mine) {
  const row = id === null ? null : index.byId.get(id) ?? null;
  browser.list.mark(row);
  if (row === null) {
    const hint = id === null ? "Choose a trajectory: a click, or j and k." : `No trajectory ${id} in this run.`;
    document.title = `Trajectories · ${run.summary.run.model} · medgym_ray`;
    browser.detail.replaceChildren(el("p", { class: id === null ? "quiet hint" : "notice" }, hint));
    return;
  }
  document.title = `${index.word("task_id", row)} #${index.at("rollout", row)} · medgym_ray`;
  const shown = await told(async () => {
    const { body, texts } = await loadBody(row);
    return trajectoryView(row, body, texts, filters);
  });
  if (mine !== turn) return;
  browser.detail.replaceChildren(el("p", { class: "back" }, el("a", { href: address("list", "", filters) }, "← list")), shown);
  browser.detail.scrollTop = 0;
  if (browser.focusDetail) $("trajectory-title")?.focus({ preventScroll: true });
  browser.focusDetail = false;
}

// What `make` makes, or why it could not.
async function told(make) {
  try {
    return await make();
  } catch (error) {
    return el("p", { class: "notice", role: "alert" }, `This cannot be shown: ${error.message}`);
  }
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const { view, subject } = readAddress(location.hash);
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "Escape") return back(event, view, typing);
  if (typing) {
    if (event.key === "Enter" && typing.id === "search") browser.list.element.focus();
    return;
  }
  const onList = event.target === browser.list?.element;
  const handlers = {
    j: () => step(1), k: () => step(-1),
    ArrowDown: onList && (() => step(1)), ArrowUp: onList && (() => step(-1)),
    PageDown: onList && (() => step(10)), PageUp: onList && (() => step(-10)),
    Home: onList && (() => step(-Infinity)), End: onList && (() => step(Infinity)),
    Enter: !event.target.closest("a, button, summary") && openCursor,
    "/": search, "?": help, o: () => go("overview"), l: () => go("list"),
    c: view === "t" && (() => index.byId.has(subject) && go("task", index.word("task_id", index.byId.get(subject)))),
  };
  const handler = Object.hasOwn(handlers, event.key) && handlers[event.key];
  if (handler && handler() !== false) event.preventDefault();
}

function step(by) {
  const { view } = readAddress(location.hash);
  if (view !== "list" && view !== "t") return false;
  const row = browser.list.move(by);
  if (row === null) return false;
  if (view === "t") location.replace(address("t", index.at("id", row), readAddress(location.hash).filters));
  return true;
}

function openCursor() {
  const row = browser.list?.rows[browser.list.cursor];
  if (row === undefined || !["list", "t"].includes(readAddress(location.hash).view)) return false;
  browser.focusDetail = true;
  if (browser.list.shown === row) $("trajectory-title")?.focus({ preventScroll: true });
  go("t", index.at("id", row));
  return true;
}

function back(event, view, typing) {
  if (typing) typing.blur();
  else if (view === "t" || view === "task") go("list");
  else return;
  event.preventDefault();
  if (view === "t" || view === "list") browser.list.element.focus({ preventScroll: true });
}

async function search() {
  if (!["list", "t"].includes(readAddress(location.hash).view)) {
    history.pushState(null, "", address("list", "", readAddress(location.hash).filters));
    await route();
  }
  $("search").focus();
  $("search").select();
}

function help() {
  $("help").replaceChildren(
    el("h2", { id: "help-title" }, "Keys"),
    el("table", {}, el("tbody", {}, KEYS.map(([key, meaning]) =>
      el("tr", {}, el("th", { scope: "row" }, key.split(" / ").flatMap((one, i) => [i ? " / " : "", el("kbd", {}, one === "" ? "/" : one)])), el("td", {}, meaning))))),
    el("form", { method: "dialog" }, el("button", {}, "Close")));
  $("help").showModal();
}

// The theme of the system, until one is chosen; a page without storage forgets the choice.
function remembered(theme) {
  try {
    if (theme !== undefined) localStorage.setItem("medgym-theme", theme);
    return localStorage.getItem("medgym-theme");
  } catch {
    return theme ?? null;
  }
}

function setTheme(theme) {
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").textContent = dark ? "Light" : "Dark";
  $("theme").setAttribute("aria-label", dark ? "use light colours" : "use dark colours");
}

async function start() {
  setTheme(remembered());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(remembered()));
  $("theme").addEventListener("click", () => setTheme(remembered(document.documentElement.dataset.theme === "dark" ? "light" : "dark")));
  $("to-help").addEventListener("click", help);
  if (!globalThis.DecompressionStream) throw new Error("this browser is too old (it has no DecompressionStream)");
  await openData();
  $("run-name").textContent = `${run.summary.run.model} · ${run.summary.run.key}`;
  tellRestricted();
  addEventListener("hashchange", route);
  addEventListener("keydown", pressed);
  await route();
  document.documentElement.dataset.ready = "1";
}

function tellRestricted() {
  const { restricted } = run.summary.totals;
  if (!restricted) return;
  const rows = some(restricted, "trajectory", "trajectories");
  $("restricted-notice").textContent = run.restricted_left_out
    ? `${rows} of restricted families are counted here; their texts and answers were left out.`
    : `This page contains patient-level text: ${rows} of restricted families. Keep it where the data may be; do not publish or send it.`;
  $("restricted-notice").classList.toggle("strict", !run.restricted_left_out);
  $("restricted-notice").hidden = false;
}

start().catch((error) => $("main").replaceChildren(el("p", { class: "notice", role: "alert" }, `This page cannot be read: ${error.message}`)));
