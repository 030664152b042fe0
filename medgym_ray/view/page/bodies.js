// The texts of trajectories: inside the page, in scripts beside it, or from the server, each loaded when it is wanted.

const chunks = new Map(); // number of a chunk → a promise of {bodies, texts}
const bodiesRead = new Map(); // row → {body, texts} of what has been loaded
const waiting = new Map(); // number of a chunk → what to call with its packed text

// The files beside the page call this, and nothing else of it. Of another page's files nothing is taken.
globalThis.medgymChunk = (stamp, number, packed) => {
  const found = waiting.get(number);
  waiting.delete(number);
  if (found) stamp === run.stamp ? found.done(packed) : found.failed(new Error("the files beside this page are another page's"));
};

const scriptAddress = globalThis.trustedTypes && document.querySelector('meta[http-equiv]').content.includes("trusted-types bodies")
  ? trustedTypes.createPolicy("bodies", { createScriptURL: (address) => address })
  : { createScriptURL: (address) => address };

function fromBeside(number) {
  const name = `${encodeURIComponent(run.folder)}/${String(number).padStart(5, "0")}.js`;
  return new Promise((done, failed) => {
    waiting.set(number, { done, failed });
    const script = el("script", { onerror: () => failed(new Error(`${name} is not beside the page; copy the folder along`)) });
    script.src = scriptAddress.createScriptURL(name);
    script.addEventListener("load", () => script.remove());
    document.head.append(script);
  }).then(unpacked);
}

async function fromServer(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error((await answer.text()) || `the server said ${answer.status}`);
  return answer.json();
}

function chunkOf(row) {
  let [low, high] = [0, run.chunks.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (run.chunks[middle] <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

function loadChunk(number) {
  if (!chunks.has(number)) {
    const loading = run.where === "inside" ? unpacked($(`chunk-${number}`).textContent) : fromBeside(number);
    chunks.set(number, loading.then((chunk) => keep(run.chunks[number], chunk)));
    loading.catch(() => chunks.delete(number)); // it may be there the next time
  }
  return chunks.get(number);
}

function keep(first, chunk) {
  chunk.bodies.forEach((body, place) => bodiesRead.set(first + place, { body, texts: chunk.texts }));
}

// {body, texts} of a row; body is null where it was left out.
async function loadBody(row) {
  if (!bodiesRead.has(row)) {
    if (run.where === "served") keep(row, await fromServer(`trajectories/${row}`));
    else await loadChunk(chunkOf(row));
  }
  return bodiesRead.get(row);
}

// Rows whose conversation holds a text (in lower case): of all of them, or of those that are loaded.
async function searchBodies(text) {
  if (run.where === "served") return new Set((await fromServer(`search?text=${encodeURIComponent(text)}`)).rows);
  if (run.where === "inside") await Promise.all(run.chunks.map((_, number) => loadChunk(number)));
  const found = new Set();
  for (const [row, { body }] of bodiesRead) if (body && searchable(body).includes(text)) found.add(row);
  return found;
}

function searchable(body) {
  body.searched ??= [...body.messages.map((m) => m.content), ...body.turns.map((t) => t.observation ?? "")].join("\n").toLowerCase();
  return body.searched;
}
