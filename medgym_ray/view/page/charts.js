// Charts as figures: bars of SVG for the eye, the same numbers in a table for everybody else.

const WIDTH = 640;
const HEIGHT = 150;
const LEFT = 44;
const BELOW = 24;

// values: [[label, n, part?]]; part is drawn darker inside of n. ticks: how many labels are shown.
function barChart(title, heads, values, { part = null, ticks = 11, note = null } = {}) {
  const most = 2 * Math.ceil(Math.max(2, ...values.map(([, n]) => n)) / 2); // so that its half is a whole number
  const step = (WIDTH - LEFT) / Math.max(1, values.length);
  const height = (n) => ((HEIGHT - BELOW - 10) * n) / most;
  const every = Math.ceil(values.length / ticks);
  const bars = values.flatMap(([label, n, of], i) => {
    const place = { x: LEFT + i * step + Math.min(2, step / 8), width: Math.max(0.5, step - Math.min(4, step / 4)) };
    const bar = (m, kind) => svg("rect", { ...place, y: HEIGHT - BELOW - height(m), height: height(m), class: kind });
    const tip = svg("title", {}, `${label}: ${count(n)}${part ? `, ${part} ${count(of)}` : ""}`);
    const hover = svg("rect", { x: LEFT + i * step, width: step, y: 0, height: HEIGHT - BELOW, class: "bar-hover" }, tip);
    return [bar(n, "bar"), part ? bar(of, "bar-part") : "", hover];
  });
  const labels = values.map(([label], i) =>
    i % every === 0 ? svg("text", { x: LEFT + (i + 0.5) * step, y: HEIGHT - 7, "text-anchor": "middle" }, String(label)) : "");
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", class: "chart" },
    [0, 0.5, 1].map((share) => gridLine(share, most)), bars, labels);
  return figure(title, drawing, heads, values.map((row) => row.map((cell) => (typeof cell === "number" ? count(cell) : cell))), note);
}

function gridLine(share, most) {
  const y = HEIGHT - BELOW - (HEIGHT - BELOW - 10) * share;
  const at = most * share;
  return svg("g", {},
    svg("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: "grid" }),
    svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, Number.isInteger(at) ? count(at) : ""));
}

function figure(title, drawing, heads, rows, note) {
  return el("figure", { class: "card" },
    el("figcaption", {}, el("h3", {}, title), note && el("p", { class: "quiet" }, note)),
    drawing,
    el("details", { class: "numbers" }, el("summary", {}, "Numbers", el("span", { class: "hidden-text" }, ` of ${title}`)), table(title, heads, rows)));
}

function table(caption, heads, rows) {
  return el("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {},
      el("caption", { class: "hidden-text" }, caption),
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows.map(([first, ...rest]) =>
        el("tr", {}, el("th", { scope: "row" }, first), rest.map((cell) => el("td", {}, cell)))))));
}

// A share with its interval, as a bar with whiskers; the numbers stand beside it.
function rateBar({ rate, low, high }) {
  const at = (x) => `${(100 * x).toFixed(2)}%`;
  return el("span", { class: "rate-bar", "aria-hidden": "true" },
    el("span", { class: "rate-fill", style: { width: at(rate ?? 0) } }),
    el("span", { class: "rate-interval", style: { left: at(low ?? 0), width: at((high ?? 0) - (low ?? 0)) } }));
}
