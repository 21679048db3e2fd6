"use strict";
// what every section of a page uses; each KIND.js adds draw.KIND = (root, data) => { ... }
const data = JSON.parse(document.getElementById("data").textContent);
const draw = {};
const element = (name, parent, text) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
// a canvas that screen readers announce by its name
const picture = (parent, name) => {
  const canvas = element("canvas", parent);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  return canvas;
};
const marks = (name, parent, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
};
const formatNumber = (value) => value === null || value === undefined ? "-" : value === 0 ? "0" : value.toExponential(2);
const visible = (token) => token.replaceAll("\n", "\u21b5").replaceAll("\t", "\u21e5").replaceAll(" ", "\u2423") || "\u2205";
const dark = matchMedia("(prefers-color-scheme: dark)");
const ground = () => dark.matches ? [20, 24, 29] : [255, 255, 255];

// blue below zero, orange above; share: -1 to 1
const NEGATIVE = [11, 92, 173], POSITIVE = [217, 95, 2];
const mixed = (colour, share) => ground().map((c, i) => Math.round(c + (colour[i] - c) * Math.min(1, share)));
const signed = (share) => mixed(share < 0 ? NEGATIVE : POSITIVE, Math.abs(share));
// a background in that colour, with text that is readable on it
const tint = (span, share) => {
  const colour = signed(share);
  span.style.background = css(colour);
  span.style.color = luminance(colour) > 0.179 ? "#000" : "#fff";  // whichever contrasts more
};
// as WCAG defines it
const luminance = (colour) => colour.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

// heat maps: black, violet, orange, pale
const STOPS = [[16, 21, 27], [91, 33, 130], [214, 84, 60], [253, 224, 150], [255, 253, 240]];
const heatColour = (share) => {
  const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const n = Math.min(STOPS.length - 2, Math.floor(at));
  return STOPS[n].map((c, i) => c + (STOPS[n + 1][i] - c) * (at - n));
};
function paint(canvas, colour) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let n = 0; n < canvas.width * canvas.height; n++) {
    const [r, g, b] = colour(n);
    image.data.set([r, g, b, 255], 4 * n);
  }
  context.putImageData(image, 0, 0);
}
// the column and row of a canvas, or of another box, under the pointer
function under(event, columns, rows) {
  const box = event.currentTarget.getBoundingClientRect();
  const at = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  return [at((event.clientX - box.left) / box.width, columns), at((event.clientY - box.top) / box.height, rows)];
}

// a box that scrolls can be reached by the keyboard, and only then
function markScrollers() {
  for (const box of document.querySelectorAll(".wide, pre, nav, .guesses, .sample")) {
    const more = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    if (more) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
// in print everything is open
const open = () => { for (const box of document.querySelectorAll("details")) box.open = true; };

function begin() {
  addEventListener("resize", markScrollers);
  addEventListener("beforeprint", open);
  document.addEventListener("toggle", markScrollers, true);
  data.sections.forEach((section, n) => draw[section.kind]?.(document.getElementById(`part-${n}`), section.data));
  markScrollers();
}
