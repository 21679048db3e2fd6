// One row per target token, one column per source token; pale is a large weight.
draw.alignment = (root, data) => {
  const grid = element("table", root.querySelector(".matrix"));
  const head = element("tr", element("thead", grid));
  element("td", head);
  for (const token of data.source) element("th", head, token).scope = "col";
  const body = element("tbody", grid);
  const canvas = picture(null, "The attention of each token of the output to each of the input");
  data.target.forEach((token, t) => {
    const row = element("tr", body);
    element("th", row, token).scope = "row";
    if (t === 0) {
      const holder = element("td", row);
      holder.colSpan = data.source.length;
      holder.rowSpan = data.target.length;
      holder.className = "holder";
      holder.append(canvas);
    }
  });
  const S = data.source.length, T = data.target.length;
  canvas.width = S;
  canvas.height = T;
  paint(canvas, (n) => heatColour(data.weights[Math.floor(n / S)][n % S]));
  canvas.addEventListener("pointermove", (event) => {
    const [s, t] = under(event, S, T);
    root.querySelector(".pointed").textContent =
      `${data.target[t]} attends to ${data.source[s]}: ${(100 * data.weights[t][s]).toFixed(1)} %`;
  });
};
