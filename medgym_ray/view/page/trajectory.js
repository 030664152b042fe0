// One trajectory: what was said, what ran, how long it took, what it earned.

const OPEN_PROMPT = 2500; // characters; a longer message is folded
const PARTS = [["queue_ms", "queued"], ["generate_ms", "generating"], ["execute_ms", "executing"]];

function trajectoryView(row, body, texts, filters) {
  const task = index.word("task_id", row);
  const rollouts = index.rollouts(task);
  return el("article", { class: "trajectory", "aria-labelledby": "trajectory-title" },
    el("header", {},
      el("h2", { id: "trajectory-title", tabindex: "-1" }, task, el("span", { class: "quiet" }, ` · rollout ${index.at("rollout", row)}`)),
      badges(row),
      el("p", { class: "actions" },
        rollouts.length > 1 ? el("a", { class: "button", href: address("task", task, filters) }, `Compare ${some(rollouts.length, "rollout")}`) : null,
        copyButton("Copy link", () => location.href),
        copyButton("Copy id", () => index.at("id", row)))),
    facts(row, body),
    body ? [timings(body), conversation(body), tokenSection(body, texts), rest(body)] : leftOut());
}

function leftOut() {
  return el("p", { class: "notice" }, "The texts of this trajectory hold patients' data and were left out of this page (restricted=false).");
}

function badges(row) {
  const won = Boolean(index.at("success", row));
  return el("p", { class: "badges" },
    el("span", { class: `badge ${won ? "won" : "lost"}` }, won ? "✓ success" : "✗ failure"),
    index.word("termination", row) === "success" ? null : el("span", { class: "badge" }, `ended by ${index.word("termination", row)}`),
    el("span", { class: "badge" }, `${index.word("family", row)}${index.word("category", row) ? ` / ${index.word("category", row)}` : ""}`),
    index.flags(row).map((flag) => el("span", { class: "badge flag" }, `⚑ ${flag}`)),
    index.at("restricted", row) ? el("span", { class: "badge restricted" }, "restricted: patients' data") : null);
}

function copyButton(label, text) {
  return el("button", { type: "button", onclick: async (event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
      announce("copied");
    } catch {
      button.textContent = text(); // no clipboard for this page: it is shown, to be copied by hand
    }
  } }, label);
}

function facts(row, body) {
  const fact = (label, value) => (value === null || value === undefined || value === "" ? null : el("div", {}, el("dt", {}, label), el("dd", {}, value)));
  const answer = body?.answer ?? index.at("answer", row);
  return el("dl", { class: "facts" },
    fact("Reward", short(index.at("reward", row))),
    fact("Paper's reward", body?.reward_paper === undefined ? null : short(body.reward_paper)),
    fact("Score's reason", index.word("score_reason", row)),
    fact("Turns", count(index.at("turns", row))),
    fact("First correct turn", body?.first_correct_turn === undefined ? null : String(body.first_correct_turn + 1)),
    fact("Generated tokens", index.at("tokens", row) ? count(index.at("tokens", row)) : null),
    fact("Wall time", duration(index.at("wall_s", row))),
    fact("Judge", body?.judge_model ? `${body.judge_reward === undefined ? "no score" : short(body.judge_reward)} by ${body.judge_model}` : null),
    el("div", { class: "wide" }, el("dt", {}, "Answer"),
      el("dd", {}, answer === null || answer === undefined ? el("span", { class: "quiet" }, body || !index.at("restricted", row) ? "none was handed in" : "left out") : codeBlock(answer, "json", "the answer"))),
    body?.judge_reason ? el("div", { class: "wide" }, el("dt", {}, "The judge's reason"), el("dd", { class: "prose" }, body.judge_reason)) : null);
}

function timings(body) {
  const total = PARTS.map(([name]) => body.turns.reduce((sum, turn) => sum + turn[name], 0));
  if (!total.some((ms) => ms > 0)) return null;
  const longest = Math.max(...body.turns.map(turnTime));
  return el("details", { class: "card timings", open: body.turns.length <= 12 },
    el("summary", {}, `Time: ${PARTS.flatMap(([, word], i) => (total[i] ? [`${word} ${duration(total[i] / 1000)}`] : [])).join(", ")}`),
    el("table", {},
      el("caption", { class: "hidden-text" }, "Time by turn"),
      el("thead", {}, el("tr", {}, ["Turn", "", ...PARTS.map(([, word]) => word)].map((head, i) => (head ? el("th", { scope: "col", class: i > 1 ? "number" : "" }, head) : el("td"))))),
      el("tbody", {}, body.turns.map((turn, i) => el("tr", {},
        el("th", { scope: "row" }, String(i + 1)),
        el("td", { class: "time-cell" }, timeBar(turn, longest)),
        PARTS.map(([name]) => el("td", { class: "number" }, duration(turn[name] / 1000))))))));
}

const turnTime = (turn) => PARTS.reduce((sum, [name]) => sum + (turn[name] ?? 0), 0);

function timeBar(turn, longest) {
  return el("span", { class: "time-bar", "aria-hidden": "true" },
    PARTS.map(([name]) => el("span", { class: `time-${name.slice(0, -3)}`, style: { width: `${(100 * (turn[name] ?? 0)) / (longest || 1)}%` } })));
}

// Messages in order, from the one called `first`. Turns belong to the last replies: examples come before.
function conversation(body, first = 0) {
  const replies = body.messages.filter((message) => message.role === "assistant").length;
  let place = Math.min(0, body.turns.length - replies);
  const items = body.messages.map((message, i) => {
    const number = message.role === "assistant" ? place++ : -1;
    if (i < first) return null;
    return number >= 0 ? reply(message, body.turns[number], number) : heard(message, i);
  });
  // Turns without a reply in the conversation (a reply that never came) still have something to say.
  for (let i = Math.max(0, replies); i < body.turns.length; i++) items.push(reply({ content: "" }, body.turns[i], i));
  return el("section", { class: "conversation", "aria-label": "Conversation" }, el("h3", { class: "hidden-text" }, "Conversation"), items);
}

function heard({ role, content }, i) {
  const shown = isJson(content) ? codeBlock(content, "json", "message") : content.includes("```") ? prose(content) : el("div", { class: i > 1 ? "observation" : "prose", tabindex: i > 1 ? "0" : null }, content);
  const title = role === "system" ? "system" : i <= 1 ? role : "observation";
  const open = role !== "system" && content.length <= OPEN_PROMPT;
  return el("details", { class: `message ${role === "system" ? "system" : i <= 1 ? "asked" : "seen"}`, open },
    el("summary", {}, el("span", { class: "who" }, title), el("span", { class: "quiet" }, ` ${count(content.length)} characters`)), shown);
}

function reply({ content }, turn, number) {
  const given = argumentsOf(turn);
  const program = given?.code ?? given?.cmd;
  const thought = typeof program === "string" || turn.action ? before(content) : content;
  const failed = turn.status && turn.status !== "ok";
  return el("section", { class: "message said", "aria-label": `turn ${number + 1}` },
    el("header", {},
      el("span", { class: "who" }, `turn ${number + 1}`),
      turn.action ? el("span", { class: "badge" }, turn.action) : el("span", { class: "badge lost" }, "no action"),
      turn.status ? el("span", { class: `badge ${failed ? "lost" : "won"}` }, turn.status) : null,
      turn.truncated ? el("span", { class: "badge flag" }, "observation truncated") : null,
      turn.finish_reason && turn.finish_reason !== "stop" ? el("span", { class: "badge flag" }, `finished by ${turn.finish_reason}`) : null,
      turn.reward_if_graded === undefined ? null : el("span", { class: "badge" }, `graded ${short(turn.reward_if_graded)}`),
      el("span", { class: "quiet spaced" }, turnFigures(turn))),
    thought.trim() ? prose(thought.trim()) : null,
    typeof program === "string" ? codeBlock(program, given.code === undefined ? "bash" : "python", "the program") : null,
    others(given),
    turn.action && content ? el("details", { class: "raw" }, el("summary", {}, "The reply as sampled"), el("pre", { class: "code", tabindex: "0" }, content)) : null,
    turn.parse_error ? el("p", { class: "problem" }, turn.parse_error) : null,
    turn.observation ? el("div", { class: "seen-inside" }, el("span", { class: "who" }, "observation"), el("div", { class: "observation", tabindex: "0" }, turn.observation)) : null,
    turn.debug_text ? el("details", { class: "raw" }, el("summary", {}, "What the debugger's model said"), el("div", { class: "prose" }, turn.debug_text)) : null);
}

function argumentsOf(turn) {
  try {
    const given = JSON.parse(turn.arguments ?? "null");
    return given && typeof given === "object" ? given : null;
  } catch {
    return null;
  }
}

// Arguments beside the program: as JSON, where there are any.
function others(given) {
  const more = Object.fromEntries(Object.entries(given ?? {}).filter(([name]) => name !== "code" && name !== "cmd"));
  return Object.keys(more).length ? codeBlock(JSON.stringify(more, null, 1).replace(/\n\s*/g, " "), "json", "arguments") : null;
}

// What a reply says before its action, in whichever of the agent's languages; the whole reply can be opened below it.
function before(content) {
  const places = ["{", "```", "<tool_call>", "<|python_tag|>"].map((sign) => content.indexOf(sign)).filter((place) => place >= 0);
  return content.slice(0, places.length ? Math.min(...places) : content.length);
}

function turnFigures(turn) {
  const figures = [duration(turnTime(turn) / 1000)];
  if (turn.completion_tokens !== undefined) figures.push(some(turn.completion_tokens, "token"));
  if (turn.cost_usd) figures.push(`$${turn.cost_usd.toFixed(5)}`);
  return figures.join(" · ");
}

function rest(body) {
  const names = ["trajectory_id", "seed", "attempt", "split", "agent_format", "protocol", "policy_version", "scorer_version", "licence", "graded_guesses", "sampling", "provenance"];
  return el("details", { class: "card numbers" }, el("summary", {}, "Record"),
    table("Record", ["Column", "Value"], names.filter((name) => body[name] !== undefined).map((name) => [name, String(body[name])])));
}
