// Pointing at a point shows the name of its unit and its numbers.
draw.gates = (root, data) => {
  const units = new Map(data.gates.flatMap((gate) => gate.units.map((numbers, k) => [`${gate.label}[${k}]`, numbers])));
  for (const dot of root.querySelectorAll(".planes circle")) {
    const name = dot.querySelector("title")?.textContent;
    if (!units.has(name)) continue;
    const [closed, open, mean] = units.get(name);
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    dot.addEventListener("pointerenter", () => {
      root.querySelector(".chosen-unit").textContent =
        `${name}: closed ${percent(closed)} of the time, open ${percent(open)}, mean ${mean}`;
    });
  }
};
