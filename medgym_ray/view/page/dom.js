// Elements, made of text and attributes alone: nothing here or elsewhere parses HTML.

const $ = (id) => document.getElementById(id);

// el("p", {class: "quiet", onclick: f}, "text", child, null): null, undefined and false children are left out.
function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const announce = (text) => { $("announcer").textContent = text; };

const whole = new Intl.NumberFormat("en");
const count = (n) => whole.format(n);
const some = (n, word, words = `${word}s`) => `${count(n)} ${n === 1 ? word : words}`;
const short = (x) => (Number.isInteger(x) ? String(x) : String(Number(x.toFixed(3))));
const percent = (x, digits = 1) => (x === null ? "–" : `${(100 * x).toFixed(digits)} %`);

function duration(seconds) {
  if (!seconds) return "0";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const rounded = Math.round(seconds);
  const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor((rounded % 3600) / 60)];
  const pad = (n) => String(n).padStart(2, "0");
  return hours ? `${hours} h ${pad(minutes)} min` : `${minutes} min ${pad(rounded % 60)} s`;
}

const moment = (iso) => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
