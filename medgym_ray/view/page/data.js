// The page's data: compressed JSON in base64, in blocks that are no scripts. Columns of the index, by row number.

async function unpacked(base64) {
  const bytes = unbase64(base64);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function unbase64(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

let run = null; // {summary, index, where, chunks, stamp, folder}

class Index {
  constructor(columns) {
    this.columns = columns;
    this.rows = columns.rows;
    this.byId = new Map((columns.id ?? []).map((id, row) => [id, row]));
    this.byTask = new Map();
    for (let row = 0; row < this.rows; row++) {
      const code = columns.task_id.codes[row];
      if (!this.byTask.has(code)) this.byTask.set(code, []);
      this.byTask.get(code).push(row);
    }
    this.taskCodes = new Map((columns.task_id?.words ?? []).map((word, code) => [word, code]));
    this.lowered = new Map(); // words of a column in lower case, made when first searched
  }

  word(column, row) {
    const { words, codes } = this.columns[column];
    return words[codes[row]];
  }

  words(column) {
    return [...(this.columns[column]?.words ?? [])].sort();
  }

  flags(row) {
    const { words, codes } = this.columns.flags;
    return codes[row].map((code) => words[code]);
  }

  at(column, row) {
    return this.columns[column][row];
  }

  rollouts(task) {
    const rows = this.byTask.get(this.taskCodes.get(task)) ?? [];
    return [...rows].sort((a, b) => this.at("rollout", a) - this.at("rollout", b));
  }

  // Codes of a column's words that hold a text (in lower case).
  holding(column, text) {
    if (!this.lowered.has(column)) this.lowered.set(column, this.columns[column].words.map((word) => word.toLowerCase()));
    return new Set(this.lowered.get(column).flatMap((word, code) => (word.includes(text) ? [code] : [])));
  }
}

let index = null;

async function openData() {
  const block = $("data");
  run = await unpacked(block.textContent);
  block.remove(); // once read it is only weight
  index = new Index(run.index);
}
