// The rollouts of one task side by side. What all were told first is shown once.

const COLUMNS = 4; // rollouts that are open at first

async function comparisonView(task, filters) {
  const rows = index.rollouts(task);
  if (!rows.length) return el("p", { class: "notice" }, `No task ${task} in this run.`);
  const chosen = new Set(rows.slice(0, COLUMNS));
  const columns = el("div", { class: "columns", role: "list", "aria-label": "Rollouts" });
  const shared = el("div", { class: "shared" });
  const draw = async () => {
    const shown = rows.filter((row) => chosen.has(row));
    const bodies = await Promise.all(shown.map(loadBody));
    const skip = alike(bodies.flatMap(({ body }) => (body ? [body] : [])));
    const first = bodies.find(({ body }) => body)?.body;
    const told = first ? conversation({ messages: first.messages.slice(0, skip), turns: [] }) : null;
    const folded = told && el("details", { class: "card", open: shared.querySelector("details")?.open ?? false },
      el("summary", {}, `What all were told: ${some(skip, "message")}`), told);
    shared.replaceChildren(...(folded && skip ? [folded] : []));
    columns.replaceChildren(...shown.map((row, i) => comparedColumn(row, bodies[i].body, skip, filters)));
  };
  const choice = el("fieldset", { class: "choice" }, el("legend", {}, "Rollouts"),
    rows.map((row) => el("label", { class: "check" },
      el("input", { type: "checkbox", checked: chosen.has(row), onchange: (event) => {
        event.target.checked ? chosen.add(row) : chosen.delete(row);
        draw();
      } }),
      el("span", {}, `#${index.at("rollout", row)} `, outcomeMark(Boolean(index.at("success", row)))))));
  const won = rows.filter((row) => index.at("success", row)).length;
  await draw();
  return el("section", { class: "comparison", "aria-labelledby": "comparison-title" },
    el("p", {}, el("a", { href: address("list", "", filters) }, "← all trajectories")),
    el("h1", { id: "comparison-title", tabindex: "-1" }, task),
    el("p", { class: "quiet" }, `${won} of ${some(rows.length, "rollout")} succeeded · ${index.word("family", rows[0])} / ${index.word("category", rows[0])}`),
    rows.length > 1 ? choice : null, shared, columns);
}

// How many messages all begin with; replies of the policy's are never among them.
function alike(bodies) {
  if (!bodies.length) return 0;
  const [first, ...others] = bodies.map((body) => body.messages);
  const differs = first.findIndex((message, i) =>
    message.role === "assistant" || others.some((messages) => messages[i]?.role !== message.role || messages[i].content !== message.content));
  return differs < 0 ? first.length : differs;
}

function comparedColumn(row, body, skip, filters) {
  return el("article", { class: "column", role: "listitem", "aria-label": `rollout ${index.at("rollout", row)}` },
    el("header", {},
      el("h2", {}, el("a", { href: address("t", index.at("id", row), filters) }, `Rollout ${index.at("rollout", row)}`)),
      badges(row), facts(row, body)),
    body ? conversation(body, skip) : leftOut());
}
