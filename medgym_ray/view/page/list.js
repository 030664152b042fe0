// The list of trajectories: only the rows in sight are elements, however many there are.

const ROW_HEIGHT = 56; // pixels, as in style.css
const SPARE = 8; // rows beyond the edges

class TrajectoryList {
  constructor(open) {
    this.rows = [];
    this.cursor = -1; // a place in rows
    this.shown = null; // the row that is open
    this.open = open;
    this.spacer = el("div", { class: "list-spacer", role: "presentation" });
    this.element = el("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Trajectories",
      onscroll: () => this.draw(), onclick: (event) => this.clicked(event) }, this.spacer);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  show(rows) {
    this.rows = rows;
    this.cursor = this.shown === null ? -1 : rows.indexOf(this.shown);
    this.spacer.style.setProperty("height", `${rows.length * ROW_HEIGHT}px`);
    if (this.cursor < 0) this.element.scrollTop = 0;
    this.draw();
  }

  mark(row) {
    this.shown = row;
    if (row !== null && this.rows[this.cursor] !== row) this.cursor = this.rows.indexOf(row);
    this.reveal();
  }

  move(by) {
    if (!this.rows.length) return null;
    this.cursor = Math.min(this.rows.length - 1, Math.max(0, this.cursor + by));
    this.reveal();
    return this.rows[this.cursor];
  }

  reveal() {
    if (this.cursor >= 0) {
      const [top, seen] = [this.cursor * ROW_HEIGHT, this.element.clientHeight];
      if (top < this.element.scrollTop) this.element.scrollTop = top;
      if (top + ROW_HEIGHT > this.element.scrollTop + seen) this.element.scrollTop = top + ROW_HEIGHT - seen;
    }
    this.draw();
  }

  clicked(event) {
    const place = event.target.closest("[data-place]")?.dataset.place;
    if (place === undefined) return;
    this.cursor = Number(place);
    this.open(this.rows[this.cursor]);
  }

  draw() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_HEIGHT) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.element.scrollTop + this.element.clientHeight) / ROW_HEIGHT) + SPARE);
    const options = [];
    for (let place = first; place < last; place++) options.push(this.option(place));
    this.spacer.replaceChildren(...options);
    const active = this.cursor >= first && this.cursor < last ? `option-${this.cursor}` : "";
    active ? this.element.setAttribute("aria-activedescendant", active) : this.element.removeAttribute("aria-activedescendant");
  }

  option(place) {
    const row = this.rows[place];
    const won = Boolean(index.at("success", row));
    const flags = index.flags(row);
    return el("div", { class: `option ${row === this.shown ? "open" : ""}`, role: "option", id: `option-${place}`, "data-place": place,
      "aria-selected": String(place === this.cursor), "aria-posinset": place + 1, "aria-setsize": this.rows.length,
      style: { top: `${place * ROW_HEIGHT}px` } },
      outcomeMark(won),
      el("span", { class: "option-main" },
        el("span", { class: "option-task" },
          el("span", { class: "option-name", title: index.word("task_id", row) }, index.word("task_id", row)),
          el("span", { class: "quiet" }, ` #${index.at("rollout", row)}`)),
        el("span", { class: "option-more" }, index.word("score_reason", row) || index.word("termination", row),
          index.word("category", row) ? ` · ${index.word("category", row)}` : "",
          flags.map((flag) => el("span", { class: "badge flag" }, flag)),
          index.at("restricted", row) ? el("span", { class: "badge restricted" }, "restricted") : null)),
      el("span", { class: "option-figures" },
        el("span", {}, el("span", { class: "hidden-text" }, "reward "), short(index.at("reward", row))),
        el("span", { class: "quiet" }, some(index.at("turns", row), "turn"))));
  }
}

function outcomeMark(won) {
  return el("span", { class: `mark ${won ? "won" : "lost"}` },
    el("span", { "aria-hidden": "true" }, won ? "✓" : "✗"), el("span", { class: "hidden-text" }, won ? "success" : "failure"));
}

// The form above the list. `changed` is given the filters whenever one is.
function filterForm(filters, changed) {
  const select = (name, label, options) =>
    el("label", {}, el("span", {}, label),
      el("select", { name, onchange: (event) => changed({ ...current(), [name]: event.target.value }) },
        options.map(([value, text]) => el("option", { value, selected: (filters[name] ?? "") === value }, text))));
  const all = (names) => [["", "all"], ...names.map((name) => [name, name || "(none)"])];
  const current = () => readAddress(location.hash).filters;
  let timer = 0;
  const search = el("input", { type: "search", id: "search", name: "q", value: filters.q ?? "", autocomplete: "off", spellcheck: "false",
    placeholder: "task, answer, reason …", "aria-keyshortcuts": "/", oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => changed({ ...current(), q: search.value }), 150);
    } });
  const where = { inside: "and in conversations", beside: "and in conversations read so far", served: "and in conversations" }[run.where];
  return el("form", { class: "filters", role: "search", "aria-label": "Filter trajectories", onsubmit: (event) => event.preventDefault() },
    el("label", { class: "search" }, el("span", {}, "Search"), search),
    el("label", { class: "check" },
      el("input", { type: "checkbox", name: "texts", checked: Boolean(filters.texts), onchange: (event) => changed({ ...current(), texts: event.target.checked ? "1" : "" }) }),
      el("span", {}, where)),
    el("div", { class: "selects" },
      select("family", "Family", all(index.words("family"))),
      select("category", "Category", all(index.words("category"))),
      select("outcome", "Outcome", [["", "all"], ["success", "success"], ["failure", "failure"]]),
      select("termination", "Ended by", all(index.words("termination"))),
      select("flag", "Flag", all(index.words("flags"))),
      select("sort", "Sorted by", Object.entries(SORTS).map(([name, [text]]) => [name === "stored" ? "" : name, text]))),
    el("div", { class: "below" },
      el("output", { id: "found", class: "found" }),
      el("button", { type: "button", name: "down", "aria-pressed": String(Boolean(filters.down)), onclick: () => changed({ ...current(), down: current().down ? "" : "1" }) },
        filters.down ? "↓ descending" : "↑ ascending"),
      el("button", { type: "button", name: "clear", onclick: () => changed({}) }, "Clear")));
}
