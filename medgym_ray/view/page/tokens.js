// Tokens as they were sampled: coloured by log-probability where the policy wrote them, plain where it was told.

const AT_ONCE = 3000; // tokens that are shown before one asks for more
const LEVELS = [[-0.105, "p ≥ 0.9"], [-0.693, "0.5 – 0.9"], [-2.303, "0.1 – 0.5"], [-4.605, "0.01 – 0.1"], [-Infinity, "p < 0.01"]];

// {ids, logprobs: NaN where told} of a packed strip.
function unpackedStrip({ ids, mask, logprobs }) {
  const numbers = new Int32Array(unbase64(ids).buffer);
  const down = new Uint16Array(unbase64(logprobs).buffer);
  const found = new Float64Array(numbers.length).fill(NaN);
  const sampled = new Uint8Array(numbers.length);
  let [at, next] = [0, 0];
  mask.forEach((length, run) => {
    for (const end = at + length; at < end; at++) {
      if (run % 2 === 0) continue;
      sampled[at] = 1;
      if (next < down.length) found[at] = -down[next++] / 1000;
    }
  });
  return { ids: numbers, logprobs: found, sampled };
}

function tokenSection(body, texts) {
  if (!body.tokens?.length) return null;
  const strips = body.tokens.map((strip) => ({ title: strip.title, ...unpackedStrip(strip) }));
  const all = strips.reduce((sum, strip) => sum + strip.ids.length, 0);
  const sampled = strips.reduce((sum, strip) => sum + strip.sampled.reduce((a, b) => a + b, 0), 0);
  const known = Object.keys(texts).length > 0;
  const notes = [
    known ? null : "The tokenizer is not at hand: ids are shown.",
    body.append_only === false ? "Not append-only: prompts were rendered anew in each turn." : null,
    body.retokenize_match === false ? "The text tokenises otherwise than it was sampled." : null,
  ];
  const section = el("details", { class: "card tokens", ontoggle: (event) => {
    if (event.target.open && !event.target.dataset.drawn) {
      event.target.dataset.drawn = "1";
      for (const strip of strips) section.append(tokenStrip(strip, texts, known));
    }
  } },
    el("summary", {}, `Tokens: ${count(all)}, ${count(sampled)} of them sampled`),
    el("p", { class: "legend" }, el("span", { class: "token told" }, "given"), el("span", { class: "quiet" }, " sampled with "),
      LEVELS.map(([, text], level) => [el("span", { class: `token lp-${level}` }, text), " "])),
    notes.filter(Boolean).map((note) => el("p", { class: "quiet" }, note)));
  return section;
}

function tokenStrip(strip, texts, known) {
  const box = el("div", { class: `strip ${known ? "" : "ids"}`, tabindex: "0", role: "group",
    "aria-label": `tokens${strip.title ? ` of ${strip.title}` : ""}, ${stripInWords(strip)}` });
  const more = el("button", { type: "button", onclick: () => draw() });
  let at = 0;
  const draw = () => {
    const end = Math.min(strip.ids.length, at + AT_ONCE);
    const spans = document.createDocumentFragment();
    for (; at < end; at++) spans.append(token(strip, at, texts, known));
    box.append(spans);
    more.textContent = `show more of ${count(strip.ids.length - at)} tokens`;
    more.hidden = at >= strip.ids.length;
  };
  draw();
  // Prompts are long: begin where the policy does.
  requestAnimationFrame(() => {
    const first = box.querySelector(".token:not(.told)");
    if (first) box.scrollTop = first.offsetTop - box.offsetTop - box.clientHeight / 3;
  });
  return el("div", {}, strip.title ? el("h4", {}, strip.title) : null, box, more);
}

function stripInWords({ logprobs }) {
  const known = [...logprobs].filter((x) => !Number.isNaN(x));
  if (!known.length) return "without log-probabilities";
  return `mean log-probability ${short(known.reduce((a, b) => a + b, 0) / known.length)}, lowest ${short(known.reduce((a, b) => Math.min(a, b)))}`;
}

function token({ ids, logprobs, sampled }, at, texts, known) {
  const text = texts[ids[at]] ?? "";
  const logprob = logprobs[at];
  const kind = !sampled[at] ? "told" : Number.isNaN(logprob) ? "unknown" : `lp-${LEVELS.findIndex(([least]) => logprob >= least)}`;
  const title = `token ${at}, id ${ids[at]}, ${sampled[at] ? "sampled (loss mask 1)" : "given (loss mask 0)"}` +
    (Number.isNaN(logprob) ? "" : `, log-probability ${short(logprob)}, p ${short(Math.exp(logprob))}`);
  return el("span", { class: `token ${kind}`, title }, known && text ? text.replaceAll("\n", "⏎\n") : ` ${ids[at]} `);
}
