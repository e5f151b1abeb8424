// Draws a plot of the report with Observable Plot. Each function of `kinds` takes the plain values of one plot.
"use strict";
const drawPlot = (() => {
  const limits = (spec, mark) => mark(spec.limits, { stroke: "var(--limit)", strokeDasharray: "4 3", strokeWidth: 1.5 });
  const shapes = ["circle", "diamond", "square", "triangle"]; // as the keys of a figure have them
  const scales = (spec) => {
    const domain = [...new Set(spec.rows.map((row) => row.series))];
    return {
      color: { domain, range: domain.map((_, i) => `var(--c${i % 8})`) },
      symbol: { domain, range: domain.map((_, i) => shapes[i % 4]) },
    };
  };
  const isWide = (values) => Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 30;

  const kinds = {
    // Numbers by severity, a line for each backend with its intervals.
    curves: (spec) => ({
      height: 260,
      ...scales(spec),
      x: { label: "severity", nice: true },
      y: { label: null, grid: true, nice: true },
      marks: [
        limits(spec, Plot.ruleY),
        Plot.areaY(spec.rows, { x: "at", y1: "low", y2: "high", fill: "series", fillOpacity: 0.15 }),
        Plot.lineY(spec.rows, { x: "at", y: "estimate", stroke: "series", strokeWidth: 2 }),
        Plot.dot(spec.rows, { x: "at", y: "estimate", fill: "series", symbol: "series", r: 4 }),
      ],
    }),
    // Numbers by group, the lowest at the top; backends lie next to each other in a group.
    intervals: (spec) => {
      const { color, symbol } = scales(spec);
      const groups = [...new Set(spec.rows.map((row) => row.at))];
      return {
        height: 50 + groups.length * Math.max(22, 12 * color.domain.length),
        marginLeft: 40 + 6.2 * Math.max(...groups.map((name) => name.length)),
        color,
        symbol,
        x: { label: null, grid: true, nice: true },
        y: { axis: null, domain: color.domain, padding: 0.5 },
        fy: { label: null, domain: groups, axis: "left", padding: 0.1 },
        marks: [
          limits(spec, Plot.ruleX),
          Plot.ruleY(spec.rows, { fy: "at", y: "series", x1: "low", x2: "high", stroke: "series", strokeWidth: 2 }),
          Plot.dot(spec.rows, { fy: "at", y: "series", x: "estimate", fill: "series", symbol: "series", r: 4 }),
        ],
      };
    },
    // One number of each named thing.
    bars: (spec) => {
      const values = spec.rows.map((row) => row.value);
      const names = [...new Set(spec.rows.map((row) => row.at))];
      const log = isWide([...values, ...spec.limits]);
      return {
        height: 50 + names.length * 20,
        marginLeft: 20 + 6.2 * Math.max(...names.map((name) => name.length)),
        x: { label: spec.axis, grid: true, type: log ? "log" : "linear" },
        y: { label: null, domain: names },
        marks: [
          log
            ? Plot.dot(spec.rows, { x: "value", y: "at", fill: "var(--c0)", r: 5 })
            : Plot.barX(spec.rows, { x: "value", y: "at", fill: "var(--c0)" }),
          limits(spec, Plot.ruleX),
        ],
      };
    },
    histogram: (spec) => ({
      height: 220,
      x: { label: spec.axis, type: spec.rows[0].low > 0 && spec.rows.at(-1).high / spec.rows[0].low > 10 ? "log" : "linear" },
      y: { label: "count", grid: true },
      marks: [Plot.rectY(spec.rows, { x1: "low", x2: "high", y: "count", fill: "var(--c0)", inset: 0.5 })],
    }),
    // How often rows are right, by the probability of their prediction: on the diagonal, the two are the same.
    calibration: (spec) => ({
      height: 380,
      width: 420,
      ...scales(spec),
      x: { label: "mean probability", domain: [0, 1], grid: true },
      y: { label: "share right", domain: [0, 1], grid: true },
      r: { range: [2, 9] },
      marks: [
        Plot.link([0], { x1: 0, y1: 0, x2: 1, y2: 1, stroke: "var(--limit)", strokeDasharray: "4 3" }),
        Plot.lineY(spec.rows, { x: "confidence", y: "accuracy", stroke: "series" }),
        Plot.dot(spec.rows, { x: "confidence", y: "accuracy", fill: "series", symbol: "series", r: "rows", fillOpacity: 0.7 }),
      ],
    }),
  };

  return (spec, width) => {
    const options = kinds[spec.kind](spec);
    const svg = Plot.plot({ ...options, width: Math.min(width, options.width ?? 560) });
    svg.querySelector("style")?.remove(); // the page's own style has it, and its policy allows no other
    for (const element of svg.querySelectorAll("[aria-label]")) element.removeAttribute("aria-label"); // an image has one name
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", spec.title);
    return svg;
  };
})();
