// What is listed, and in which order. The address's hash holds all of it, so that a link shows what its sender saw.

const FILTERS = ["family", "category", "outcome", "termination", "flag", "q", "texts", "sort", "down"];
const SORTS = {
  stored: ["as stored", (row) => row],
  task: ["task", (row) => index.word("task_id", row)],
  reward: ["reward", (row) => index.at("reward", row)],
  turns: ["turns", (row) => index.at("turns", row)],
  tokens: ["generated tokens", (row) => index.at("tokens", row)],
  time: ["wall time", (row) => index.at("wall_s", row)],
};

// "#/t/ID?family=x" → {view: "t", subject: "ID", filters: {family: "x"}}
function readAddress(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  const asked = new URLSearchParams(query);
  const filters = {};
  for (const name of FILTERS) if (asked.get(name)) filters[name] = asked.get(name);
  return { view: view || "overview", subject: decoded(rest.join("/")), filters };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a link that was cut
  }
}

function address(view, subject, filters = {}) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value)).toString();
  const path = view === "overview" ? "" : view + (subject ? `/${encodeURIComponent(subject)}` : "");
  return `#/${path}${query ? `?${query}` : ""}`;
}

// The rows that pass, in order. `inTexts`: rows whose conversation holds the text, where that was asked.
function filtered(filters, inTexts) {
  const tests = [];
  for (const column of ["family", "category", "termination"]) {
    if (filters[column]) {
      const code = index.columns[column]?.words.indexOf(filters[column]);
      tests.push((row) => index.columns[column].codes[row] === code);
    }
  }
  if (filters.outcome) tests.push((row) => index.at("success", row) === Number(filters.outcome === "success"));
  if (filters.flag) {
    const code = index.columns.flags?.words.indexOf(filters.flag);
    tests.push((row) => index.columns.flags.codes[row].includes(code));
  }
  if (filters.q && index.rows) tests.push(textTest(filters.q.toLowerCase(), inTexts));
  const rows = [];
  for (let row = 0; row < index.rows; row++) if (tests.every((test) => test(row))) rows.push(row);
  return ordered(rows, filters);
}

function textTest(text, inTexts) {
  const tasks = index.holding("task_id", text);
  const reasons = index.holding("score_reason", text);
  const { task_id, score_reason, answer, id } = index.columns;
  return (row) =>
    tasks.has(task_id.codes[row]) ||
    reasons.has(score_reason.codes[row]) ||
    (answer[row] !== null && answer[row].toLowerCase().includes(text)) ||
    id[row].startsWith(text) ||
    (inTexts?.has(row) ?? false);
}

function ordered(rows, filters) {
  const [, key] = SORTS[filters.sort] ?? SORTS.stored;
  const sign = filters.down ? -1 : 1;
  if (key !== SORTS.stored[1]) {
    const keys = new Map(rows.map((row) => [row, key(row)]));
    const compare = (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : 0);
    return rows.sort((a, b) => sign * compare(a, b) || a - b);
  }
  return filters.down ? rows.reverse() : rows;
}
