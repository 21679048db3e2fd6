// One number moves everything: how many steps back from the loss the reader looks.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const slider = document.getElementById("back");
const element = (name, parent, text) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
const shown = (value) => value === null || value === undefined ? "-" : value === 0 ? "0" : value.toExponential(2);

// the curves, whose axes the pictures carry in their data attributes
const plots = [...document.querySelectorAll("svg.unroll-plot")];
const place = (svg, event) => {
  const box = svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
  const { left, right, last } = svg.dataset;
  return Math.round(Math.min(1, Math.max(0, (x - left) / (right - left))) * last);
};
for (const svg of plots) {
  svg.addEventListener("pointermove", (event) => look(place(svg, event)));
  svg.addEventListener("pointerdown", (event) => look(place(svg, event)));
}

// the values under the first picture
const rows = data.curves.map((curve) => {
  const row = element("tr", document.querySelector("#values tbody"));
  element("th", row, curve.label).scope = "row";
  return [curve, element("td", row), element("td", row), element("td", row)];
});

// one square a unit
const squares = data.units.map((flow) => {
  const figure = element("figure", document.getElementById("units"));
  const side = Math.ceil(Math.sqrt(flow.values[0].length));
  const canvas = element("canvas", figure);
  canvas.width = side;
  canvas.height = Math.ceil(flow.values[0].length / side);
  element("figcaption", figure, flow.label);
  return [flow, canvas];
});
const dark = matchMedia("(prefers-color-scheme: dark)");
function paintUnits(k) {
  const ground = dark.matches ? [20, 24, 29] : [255, 255, 255];
  for (const [flow, canvas] of squares) {
    const values = flow.values[nearestStep(k)];
    const full = flow.full || 1;
    paint(canvas, (n) => {
      if (n >= values.length) return ground;
      const share = Math.min(1, Math.sqrt(Math.abs(values[n]) / full));
      const colour = values[n] < 0 ? [11, 92, 173] : [217, 95, 2];
      return ground.map((c, i) => c + (colour[i] - c) * share);
    });
  }
}
const nearestStep = (k) => {
  let best = 0;
  data.unit_steps.forEach((step, n) => {
    if (Math.abs(step - k) < Math.abs(data.unit_steps[best] - k)) best = n;
  });
  return best;
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

// heat maps: black, violet, orange, pale
const STOPS = [[16, 21, 27], [91, 33, 130], [214, 84, 60], [253, 224, 150], [255, 253, 240]];
const heatColour = (share) => {
  const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const n = Math.min(STOPS.length - 2, Math.floor(at));
  return STOPS[n].map((c, i) => c + (STOPS[n + 1][i] - c) * (at - n));
};
const { low, high } = data.heat;
for (const flow of data.units) {
  const figure = element("figure", document.getElementById("heat"));
  element("figcaption", figure, flow.label);
  const canvas = element("canvas", figure);
  canvas.width = flow.values.length;
  canvas.height = flow.values[0].length;
  const level = (n) => Math.log10(Math.abs(flow.values[n % canvas.width][Math.floor(n / canvas.width)]));
  paint(canvas, (n) => heatColour((level(n) - low) / (high - low)));
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    look(data.unit_steps[Math.min(canvas.width - 1, Math.floor((event.clientX - box.left) / box.width * canvas.width))]);
  });
}
document.getElementById("heat-scale").textContent =
  `From 1e${low} or less (dark) to 1e${high} (pale).`;

// every number, for those who read rather than look; made when it is opened
document.querySelector("details").addEventListener("toggle", () => {
  const holder = document.getElementById("all");
  if (holder.firstChild) return;
  const table = element("table", holder);
  const head = element("tr", element("thead", table));
  for (const name of ["steps back", ...data.curves.map((curve) => curve.label)]) element("th", head, name);
  const body = element("tbody", table);
  for (let k = 0; k <= data.last; k++) {
    const row = element("tr", body);
    element("th", row, k);
    for (const curve of data.curves) element("td", row, shown(curve.norms[k]));
  }
});

function look(k) {
  slider.value = k;
  document.getElementById("where").value = k;
  for (const svg of plots) {
    const { left, right, last } = svg.dataset;
    const line = svg.querySelector(".here");
    line.setAttribute("transform", `translate(${+left + k / last * (right - left)})`);
    line.setAttribute("visibility", "visible");
  }
  for (const [curve, norm, share, sigma] of rows) {
    norm.textContent = shown(curve.norms[k]);
    share.textContent = curve.norms[0] ? shown(curve.norms[k] / curve.norms[0]) : "-";
    sigma.textContent = curve.singular_values[k]?.toFixed(4) ?? "-";
  }
  paintUnits(k);
}

// playing: the whole way back in about eight seconds
const button = document.getElementById("play");
let timer = null;
button.addEventListener("click", () => {
  if (timer !== null) return stop();
  if (+slider.value >= data.last) look(0);
  button.textContent = "Stop";
  const stride = Math.max(1, Math.round(data.last / 200));
  timer = setInterval(() => {
    const next = Math.min(data.last, +slider.value + stride);
    look(next);
    if (next >= data.last) stop();
  }, 40);
});
function stop() {
  clearInterval(timer);
  timer = null;
  button.textContent = "Play";
}
slider.addEventListener("input", () => { stop(); look(+slider.value); });
dark.addEventListener("change", () => look(+slider.value));
look(0);
