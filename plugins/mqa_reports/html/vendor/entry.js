// What the page's plots use of Observable Plot.
import { areaY, barX, dot, lineY, link, plot, rectY, ruleX, ruleY } from "@observablehq/plot";

globalThis.Plot = { areaY, barX, dot, lineY, link, plot, rectY, ruleX, ruleY };
