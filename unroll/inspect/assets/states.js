// The reader selects a unit; the text, the trace and the map take its colours.
draw.states = (root, data) => {
  const part = (selector) => root.querySelector(selector);
  const T = data.tokens.length;
  const bytes = Uint8Array.from(atob(data.values), (c) => c.charCodeAt(0));
  const values = new Int8Array(bytes.buffer);
  const share = (unit, t) => values[unit * T + t] / 127;
  const activation = (unit, t) => share(unit, t) * data.scale[unit];

  const picker = part(".unit");
  const option = (group, unit, text) => { element("option", group, text).value = unit; };
  for (const { probe, units } of data.groups) {
    const group = element("optgroup", picker);
    group.label = probe;
    for (const [unit, score] of units) option(group, unit, `${data.labels[unit]}  (score ${score})`);
  }
  const all = element("optgroup", picker);
  all.label = "all units";
  data.labels.forEach((label, unit) => option(all, unit, label));

  // the text; tokens that are words stand apart, in the letters of the page
  const read = part(".text");
  read.classList.add(data.spaced ? "spaced" : "letters");
  let here = 0;
  const spans = data.tokens.map((token, t) => {
    const span = element("span", read, visible(token));
    if (token.includes("\n") || token === "<eos>") element("br", read);
    else if (data.spaced) read.append(" ");
    span.addEventListener("pointerenter", () => showToken(t));
    return span;
  });

  // the trace
  const wide = 760, high = 150;
  const svg = marks("svg", part(".trace"), { viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", class: "unroll-plot", role: "img" });
  const named = marks("title", svg, {});
  marks("path", svg, { class: "grid", d: `M0 ${high / 2}H${wide}` });
  const curve = marks("path", svg, { class: "curve c0", d: "", "data-label": "trace", "vector-effect": "non-scaling-stroke" });
  const line = marks("path", svg, { class: "here", d: `M0 0V${high}` });
  const across = (t) => (t + 0.5) / T * wide;
  svg.addEventListener("pointermove", (event) => showToken(under(event, T, 1)[0]));

  // next-token predictions
  const tinted = [];
  if (!data.groups.length) part(".scored").remove();
  if (!data.guesses.length) part(".next-part").remove();
  data.guesses.forEach((some, t) => {
    const column = element("span", part(".guesses"));
    element("b", column, visible(data.tokens[t]));
    for (const [name, p] of some) {
      const cell = element("i", column, visible(name));
      tint(cell, Math.min(0.85, p));
      tinted.push([cell, p]);
      cell.title = `${name}: ${p}`;
    }
    column.addEventListener("pointerenter", () => showToken(t));
  });

  // the maps
  const dots = data.maps.map((map) => {
    const figure = element("figure", part(".maps"));
    element("figcaption", figure, `${map.label}: ${(100 * (map.shares[0] + map.shares[1])).toFixed(0)} % of the variance`);
    const plane = marks("svg", figure, { viewBox: "-10 -10 320 320", class: "unroll-plot map", role: "img" });
    marks("title", plane, {}).textContent = `The state after each token, ${map.label}`;
    const range = [0, 1].map((k) => {
      const some = map.places.map((place) => place[k]);
      const low = Math.min(...some);
      return [low, Math.max(...some) - low || 1];
    });
    return map.places.map((place, t) => {
      const [x, y] = place.map((v, k) => (v - range[k][0]) / range[k][1] * 300);
      const dot = marks("circle", plane, { cx: x.toFixed(1), cy: (300 - y).toFixed(1), r: 4 });
      marks("title", dot, {}).textContent = visible(data.tokens[t]);
      dot.addEventListener("pointerenter", () => showToken(t));
      return dot;
    });
  });

  function selectUnit() {
    const unit = +picker.value;
    const colours = data.tokens.map((_, t) => css(signed(share(unit, t))));
    spans.forEach((span, t) => tint(span, share(unit, t)));
    for (const some of dots) some.forEach((dot, t) => dot.setAttribute("fill", colours[t]));
    const d = data.tokens.map((_, t) => `${t ? "L" : "M"}${across(t).toFixed(1)} ${(high / 2 * (1 - 0.95 * share(unit, t))).toFixed(1)}`);
    curve.setAttribute("d", d.join(""));
    named.textContent = `The activation of ${data.labels[unit]} after each token`;
    showToken(here);
  }
  function showToken(t) {
    const unit = +picker.value;
    spans[here].classList.remove("chosen");
    for (const some of dots) some[here].setAttribute("r", 4);
    here = t;
    spans[t].classList.add("chosen");
    for (const some of dots) some[t].setAttribute("r", 8);
    line.setAttribute("transform", `translate(${across(t)})`);
    part(".value").value = `${visible(data.tokens[t])}  ${activation(unit, t).toFixed(3)}`;
    const next = (data.guesses[t] ?? []).map(([name, p]) => `${visible(name)} ${(100 * p).toFixed(1)} %`).join(", ");
    const nats = data.surprise[t];
    part(".prediction").textContent = (nats === undefined ? "" : `Surprise: ${nats} nats. `) + (next ? `Next: ${next}.` : "");
  }
  picker.addEventListener("change", selectUnit);
  dark.addEventListener("change", () => {
    selectUnit();
    for (const [cell, p] of tinted) tint(cell, Math.min(0.85, p));
  });
  picker.value = data.first;
  selectUnit();
};
