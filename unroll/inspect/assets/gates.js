// Every dot says which unit it is, and its numbers.
draw.gates = (root, data) => {
  const units = new Map(data.gates.flatMap((gate) => gate.units.map((numbers, k) => [`${gate.label}[${k}]`, numbers])));
  for (const dot of root.querySelectorAll(".planes circle")) {
    const name = dot.querySelector("title")?.textContent;
    if (!units.has(name)) continue;
    const [shut, open, mean] = units.get(name);
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    dot.addEventListener("pointerenter", () => {
      root.querySelector(".chosen-unit").textContent =
        `${name}: shut ${percent(shut)} of the time, open ${percent(open)}, mean ${mean}`;
    });
  }
};
