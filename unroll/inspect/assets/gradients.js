// One number controls all pictures: the steps back from the loss.
draw.gradients = (root, data) => {
  const part = (selector) => root.querySelector(selector);
  const slider = part(".back");

  // the curves; data attributes hold the positions of their axes
  const plots = [...root.querySelectorAll("svg.unroll-plot[data-last]")];
  const place = (svg, event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const { left, right, last } = svg.dataset;
    return Math.round(Math.min(1, Math.max(0, (x - left) / (right - left))) * last);
  };
  for (const svg of plots) {
    svg.addEventListener("pointermove", (event) => showStep(place(svg, event)));
    svg.addEventListener("pointerdown", (event) => showStep(place(svg, event)));
  }

  // the values below the first picture
  const rows = data.curves.map((curve) => {
    const row = element("tr", part(".values tbody"));
    element("th", row, curve.label).scope = "row";
    return [curve, element("td", row), element("td", row), element("td", row)];
  });

  // one square per unit
  const squares = data.units.map((flow) => {
    const figure = element("figure", part(".units"));
    const side = Math.ceil(Math.sqrt(flow.values[0].length));
    const canvas = picture(figure, `The gradient of each unit of ${flow.label}`);
    canvas.width = side;
    canvas.height = Math.ceil(flow.values[0].length / side);
    element("figcaption", figure, flow.label);
    return [flow, canvas];
  });
  function paintUnits(k) {
    for (const [flow, canvas] of squares) {
      const values = flow.values[nearestStep(k)];
      const full = flow.full || 1;
      paint(canvas, (n) => n >= values.length ? ground() : signed(Math.sign(values[n]) * Math.sqrt(Math.abs(values[n]) / full)));
    }
  }
  const nearestStep = (k) => {
    let best = 0;
    data.unit_steps.forEach((step, n) => {
      if (Math.abs(step - k) < Math.abs(data.unit_steps[best] - k)) best = n;
    });
    return best;
  };

  const { low, high } = data.heat;
  for (const flow of data.units) {
    const figure = element("figure", part(".heat"));
    element("figcaption", figure, flow.label);
    const canvas = picture(figure, `The gradient of every unit of ${flow.label} by steps back`);
    canvas.width = flow.values.length;
    canvas.height = flow.values[0].length;
    const level = (n) => Math.log10(Math.abs(flow.values[n % canvas.width][Math.floor(n / canvas.width)]));
    paint(canvas, (n) => heatColour((level(n) - low) / (high - low)));
    canvas.addEventListener("pointermove", (event) => showStep(data.unit_steps[under(event, canvas.width, 1)[0]]));
  }
  part(".heat-scale").textContent = `From 1e${low} or less (dark) to 1e${high} (pale).`;

  // every number, as a table that is made when it is opened
  part("details").addEventListener("toggle", () => {
    const holder = part(".all");
    if (holder.firstChild) return;
    const table = element("table", holder);
    const head = element("tr", element("thead", table));
    for (const name of ["steps back", ...data.curves.map((curve) => curve.label)]) element("th", head, name).scope = "col";
    const body = element("tbody", table);
    for (let k = 0; k <= data.last; k++) {
      const row = element("tr", body);
      element("th", row, k).scope = "row";
      for (const curve of data.curves) element("td", row, formatNumber(curve.norms[k]));
    }
  });

  function showStep(k) {
    slider.value = k;
    part(".where").value = k;
    for (const svg of plots) {
      const { left, right, last } = svg.dataset;
      const line = svg.querySelector(".here");
      line.setAttribute("transform", `translate(${+left + k / last * (right - left)})`);
      line.setAttribute("visibility", "visible");
    }
    for (const [curve, norm, share, sigma] of rows) {
      norm.textContent = formatNumber(curve.norms[k]);
      share.textContent = curve.norms[0] ? formatNumber(curve.norms[k] / curve.norms[0]) : "-";
      sigma.textContent = curve.singular_values[k]?.toFixed(4) ?? "-";
    }
    paintUnits(k);
  }

  // playing: from the loss to the first step in about eight seconds
  const button = part(".play");
  let timer = null;
  button.addEventListener("click", () => {
    if (timer !== null) return stop();
    if (+slider.value >= data.last) showStep(0);
    button.textContent = "Stop";
    const stride = Math.max(1, Math.round(data.last / 200));
    timer = setInterval(() => {
      const next = Math.min(data.last, +slider.value + stride);
      showStep(next);
      if (next >= data.last) stop();
    }, 40);
  });
  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  }
  slider.addEventListener("input", () => { stop(); showStep(+slider.value); });
  dark.addEventListener("change", () => showStep(+slider.value));
  showStep(0);
};
