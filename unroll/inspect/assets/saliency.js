// Each step in the colour of its attribution.
draw.saliency = (root, data) => {
  const picker = root.querySelector(".by");
  const holder = root.querySelector(".text");
  const spans = data.steps.map((step, t) => {
    const span = element("span", holder, step);
    holder.append(" ");
    span.addEventListener("pointerenter", () => {
      root.querySelector(".value").value = `${step} ${data[picker.value][t]}`;
    });
    return span;
  });
  function colour() {
    const values = data[picker.value];
    const most = Math.max(...values.map(Math.abs)) || 1;
    spans.forEach((span, t) => tint(span, values[t] / most));
  }
  picker.addEventListener("change", colour);
  dark.addEventListener("change", colour);
  colour();
};
