// The run as a whole.

function overview() {
  const { totals } = run.summary;
  document.title = `${run.summary.run.model} · ${run.summary.run.key} · medgym_ray`;
  return el("div", { class: "overview" }, heading(), tiles(totals), familyTable(), endings(), histograms(), throughput(), settings());
}

function heading() {
  const { name, model, key } = run.summary.run;
  const { started, finished } = run.summary.totals;
  return el("div", { class: "heading" },
    el("h1", {}, model || "a run"),
    el("p", { class: "quiet" }, `run ${key}`, name && name !== key ? ` · ${name}` : "",
      started ? ` · ${moment(started)} to ${moment(finished)}` : ""));
}

function tiles(t) {
  const tile = (label, value, note) =>
    el("div", { class: "tile" }, el("dt", {}, label), el("dd", {}, value, note && el("small", {}, note)));
  const seconds = t.started ? (Date.parse(t.finished) - Date.parse(t.started)) / 1000 : 0;
  return el("dl", { class: "tiles" },
    tile("Success", percent(t.rate), t.n ? `95 %: ${percent(t.low)} – ${percent(t.high)}` : null),
    tile("Trajectories", count(t.n), `${some(t.successes, "success", "successes")} · ${some(t.tasks, "task")}`),
    tile("Mean reward", t.n ? short(t.reward) : "–", t.n ? `${short(t.turns / t.n)} turns each` : null),
    tile("Generated tokens", count(t.generated_tokens ?? 0),
      t.prompt_tokens ? `${count(t.prompt_tokens)} of prompts, ${percent(t.cached_tokens / t.prompt_tokens, 0)} cached` : "no prompt tokens were told"),
    tile("Cost", t.cost_usd ? `$${t.cost_usd.toFixed(t.cost_usd < 1 ? 4 : 2)}` : "–", t.cost_usd ? "endpoints and judge" : "no endpoint charged"),
    tile("Wall time", seconds ? duration(seconds) : "–", seconds ? `${Number((t.n / seconds).toPrecision(3))} trajectories/s` : null));
}

function familyTable() {
  const row = (group, filters, depth) =>
    el("tr", { class: depth ? "category" : "family" },
      el("th", { scope: "row" }, el("a", { href: address("list", "", filters) }, group.name || "(none)"),
        group.restricted ? el("span", { class: "badge restricted", title: "holds patients' data" }, "restricted") : null),
      el("td", { class: "number" }, count(group.n)),
      el("td", { class: "number narrow-not" }, count(group.successes)),
      el("td", { class: "rate" }, rateBar(group), el("span", { class: "rate-text" }, percent(group.rate))),
      el("td", { class: "number wide-only" }, `${percent(group.low)} – ${percent(group.high)}`),
      el("td", { class: "number narrow-not" }, short(group.reward)),
      el("td", { class: "number wide-only" }, short(group.turns)));
  const bodies = run.summary.families.map((family) => {
    const few = family.categories.length < 2;
    const details = el("tbody", { hidden: true, id: `categories-${family.name}` },
      family.categories.map((category) => row(category, { family: family.name, category: category.name }, 1)));
    const main = row(family, { family: family.name }, 0);
    if (!few) {
      const toggle = el("button", { type: "button", class: "twist", "aria-expanded": "false", "aria-controls": details.id,
        "aria-label": `categories of ${family.name}`, onclick: () => {
          details.hidden = !details.hidden;
          toggle.setAttribute("aria-expanded", String(!details.hidden));
        } }, some(family.categories.length, "category", "categories"));
      main.firstChild.append(toggle);
    }
    return [el("tbody", {}, main), few ? null : details];
  });
  return el("section", { "aria-labelledby": "families-title" },
    el("h2", { id: "families-title" }, "Success by family"),
    el("div", { class: "card scrolls", tabindex: "0", role: "region", "aria-label": "Success by family" },
      el("table", { class: "families" },
        el("thead", {}, el("tr", {},
          el("th", { scope: "col" }, "Family"), el("th", { scope: "col", class: "number" }, "n"),
          el("th", { scope: "col", class: "number narrow-not" }, "Successes"), el("th", { scope: "col" }, "Success rate"),
          el("th", { scope: "col", class: "number wide-only" }, "95 % interval"), el("th", { scope: "col", class: "number narrow-not" }, "Mean reward"),
          el("th", { scope: "col", class: "number wide-only" }, "Mean turns"))),
        bodies)),
    el("p", { class: "quiet" }, "Intervals are Wilson's and take trajectories as independent; rollouts of one task are less than that."));
}

function endings() {
  const { terminations, reasons, flags, failures, dropped, totals } = run.summary;
  const shares = (title, column, counted, filter, none) =>
    el("section", { class: "card" }, el("h3", {}, title),
      counted.length
        ? el("table", { class: "shares" },
            el("caption", { class: "hidden-text" }, title),
            el("tbody", {}, counted.map(([name, n]) => el("tr", {},
              el("th", { scope: "row" }, filter ? el("a", { href: address("list", "", { [filter]: name }) }, name) : name),
              el("td", { class: "share" }, el("span", { class: "share-bar", "aria-hidden": "true", style: { width: `${(100 * n) / Math.max(1, totals.n)}%` } })),
              el("td", { class: "number" }, count(n))))))
        : el("p", { class: "quiet" }, none));
  return el("section", { "aria-labelledby": "endings-title" },
    el("h2", { id: "endings-title" }, "How episodes ended"),
    el("div", { class: "cards" },
      shares("Terminations", "termination", terminations, "termination", "No trajectories."),
      shares("Reasons of scores", "reason", reasons.slice(0, 12), "q", "None."),
      shares("Flags", "flag", flags, "flag", "No trajectory was flagged."),
      el("section", { class: "card" }, el("h3", {}, "Failures of ours"),
        failures.length
          ? table("Failures of ours", ["Class", "Attempts", "Given up"], failures.map(([name, n, final]) => [name, count(n), count(final)]))
          : el("p", { class: "quiet" }, "None: every attempt led to a trajectory."),
        dropped ? el("p", { class: "quiet" }, `${some(dropped, "task")} dropped beforehand, because their gold could not be trusted.`) : null)));
}

function histograms() {
  const { rewards, turns } = run.summary;
  return el("section", { "aria-labelledby": "spread-title" },
    el("h2", { id: "spread-title" }, "Rewards and turns"),
    el("div", { class: "cards two" },
      barChart("Rewards", ["Reward", "Trajectories"], rewards.map(([low, high, n]) => [`${short(low)}–${short(high)}`, n])),
      barChart("Turns", ["Turns", "Trajectories", "Successes"], turns.map(([n, all, won]) => [String(n), all, won]),
        { part: "successes", note: "Dark: successes" })));
}

function throughput() {
  const { step_s, start, finished, active } = run.summary.throughput;
  if (!start) return null;
  const at = (i) => duration(i * step_s);
  const events = run.summary.events.map((e) => [moment(e.at), e.event.replaceAll("_", " "), e.text]);
  return el("section", { "aria-labelledby": "time-title" },
    el("h2", { id: "time-title" }, "Over time"),
    el("div", { class: "cards two" },
      barChart("Trajectories finished", ["After", "Finished"], finished.map((n, i) => [i ? at(i) : "0", n]), { ticks: 6, note: `per ${duration(step_s)}` }),
      barChart("Episodes at once", ["After", "Episodes"], active.map((n, i) => [i ? at(i) : "0", n]), { ticks: 6, note: `mean over ${duration(step_s)}` })),
    events.length ? el("details", { class: "card numbers", open: events.length < 12 }, el("summary", {}, "Events of the run"), table("Events of the run", ["When", "Event", "What"], events)) : null);
}

function settings() {
  const { settings: chosen, versions } = run.summary.run;
  return el("section", { "aria-labelledby": "settings-title" },
    el("h2", { id: "settings-title" }, "Settings"),
    el("details", { class: "card numbers" }, el("summary", {}, "What decided these trajectories"),
      table("Settings", ["Setting", "Value"], [...chosen, ...versions.map(([name, version]) => [`${name} (version)`, version])])));
}
