// What a complete run leaves behind: the JSON of all figures, the chart, README's table.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chart } from "./chart.mjs";
import { root } from "./places.mjs";
import { markdown } from "./table.mjs";

const BEGIN = "<!-- bench:compare: written by that command, not by hand -->";
const END = "<!-- bench:compare: end -->";

/** The text with what stands between the markers replaced. */
export function between(text, content) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`Expected README.md to have ${BEGIN} and ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n${content}\n${text.slice(end)}`;
}

/** Arrays of numbers stay on one line: a row of blocks is read, not scrolled. */
const readable = (result) =>
  `${JSON.stringify(result, null, 1).replace(/\[[\s\d.,e+-]+\]/g, (list) => list.replace(/\s+/g, ""))}\n`;

export function record(result, about) {
  const readme = join(root, "README.md");
  const text = between(readFileSync(readme, "utf8"), markdown(result, about));
  writeFileSync(join(root, "bench/results/compare.json"), readable(result));
  writeFileSync(join(root, "docs/images/compare.svg"), chart(result, about));
  writeFileSync(readme, text);
}
