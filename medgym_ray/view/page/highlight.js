// Code in colours: one regular expression per language, whose named groups are the kinds of what they match.
// (Made here when shown: a run of 100,000 programs would take a highlighter minutes and the page its size again.)

const words = (text) => `\\b(?:${text.trim().split(/\s+/).join("|")})\\b`;
const NUMBER = String.raw`(?<number>\b(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?j?)\b)`;
const STRINGS = String.raw`"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?`;

const LANGUAGES = {
  python: new RegExp(
    [
      String.raw`(?<comment>#[^\n]*)`,
      String.raw`(?<string>\b[rRbBuUfF]{0,2}(?:"""(?:[^\\]|\\[^])*?(?:"""|$)|'''(?:[^\\]|\\[^])*?(?:'''|$)|${STRINGS})|"""(?:[^\\]|\\[^])*?(?:"""|$)|'''(?:[^\\]|\\[^])*?(?:'''|$)|${STRINGS})`,
      String.raw`(?<special>^[ \t]*@[\w.]+)`,
      `(?<keyword>${words(`and as assert async await break case class continue def del elif else except finally for from global
        if import in is lambda match nonlocal not or pass raise return try while with yield None True False`)})`,
      `(?<builtin>${words(`abs all any bool bytes dict enumerate Exception filter float frozenset getattr hasattr int isinstance
        iter KeyError len list map max min next object open print range repr reversed round self set sorted str sum super tuple
        type ValueError zip`)})`,
      NUMBER,
    ].join("|"), "gm"),
  sql: new RegExp(
    [
      String.raw`(?<comment>--[^\n]*|/\*[^]*?(?:\*/|$))`,
      String.raw`(?<string>'(?:[^']|'')*'?)`,
      `(?<keyword>${words(`ALL AND AS ASC BETWEEN BY CASE CAST CREATE CROSS DELETE DESC DISTINCT ELSE END EXCEPT EXISTS FROM GROUP
        HAVING IN INNER INSERT INTERSECT INTO IS JOIN LEFT LIKE LIMIT NOT NULL OFFSET ON OR ORDER OUTER OVER PARTITION RIGHT SELECT
        SET TABLE THEN UNION UPDATE USING VALUES WHEN WHERE WITH`)})`,
      `(?<builtin>${words("AVG COALESCE COUNT DATE DATETIME JULIANDAY MAX MIN ROUND STRFTIME SUBSTR SUM")}(?=\\s*\\())`,
      NUMBER,
    ].join("|"), "gi"),
  bash: new RegExp(
    [
      String.raw`(?<comment>(?<=^|\s)#[^\n]*)`,
      `(?<string>${String.raw`"(?:[^"\\]|\\[^])*"?|'[^']*'?`})`,
      String.raw`(?<special>\$(?:\w+|\{[^}\n]*\}|[@*#?$!-]))`,
      `(?<keyword>${words("case do done elif else esac fi for function if in return then until while")})`,
      `(?<builtin>${words("awk cat cd cp curl cut echo export find grep head jq ls mkdir mv pip python python3 rm sed sort sqlite3 tail tr uniq wc xargs")})`,
      NUMBER,
    ].join("|"), "gm"),
  json: new RegExp(
    [
      String.raw`(?<builtin>"(?:[^"\\\n]|\\[^])*"(?=\s*:))`,
      String.raw`(?<string>"(?:[^"\\\n]|\\[^])*"?)`,
      `(?<keyword>${words("true false null NaN")})`,
      String.raw`(?<number>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)`,
    ].join("|"), "g"),
};
const NAMES = { py: "python", python3: "python", sqlite: "sql", sh: "bash", shell: "bash", console: "bash" };
const LONGEST = 200_000; // characters; what is longer is no program that somebody reads

// Pieces of text and elements for a program in a language; the text alone where the language is not known.
function coloured(text, language) {
  const grammar = LANGUAGES[NAMES[language] ?? language];
  if (!grammar || text.length > LONGEST) return [text];
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(grammar)) {
    if (!match[0]) continue;
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (match.index > at) pieces.push(text.slice(at, match.index));
    pieces.push(el("span", { class: `c-${kind}` }, match[0]));
    at = match.index + match[0].length;
  }
  pieces.push(text.slice(at));
  return pieces;
}

function codeBlock(text, language, label) {
  return el("pre", { class: "code", tabindex: "0", role: "group", "aria-label": label ?? `code, ${language}` }, el("code", {}, coloured(text, language)));
}

// A text with its fenced blocks as code; what stands around them as it is. Line by line: linear, whatever a model wrote.
function prose(text) {
  const shown = [];
  let [lines, language] = [[], null];
  const close = () => {
    const part = lines.join("\n");
    if (language !== null) shown.push(codeBlock(part, language || "text"));
    else if (part.trim()) shown.push(el("div", { class: "prose" }, part.replace(/^\n+/, "").trimEnd()));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const fence = /^```([\w+-]*)\s*$/.exec(line);
    if (fence && (language === null || !fence[1])) {
      close();
      language = language === null ? fence[1].toLowerCase() : null;
    } else {
      lines.push(line);
    }
  }
  close();
  return shown;
}

function isJson(text) {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
