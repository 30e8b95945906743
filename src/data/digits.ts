import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { packageRoot } from "../package-root.cjs";
import { Dataset } from "./dataset.js";

const PIXELS = 64;

/**
 * The handwritten digits that come with this package: 1,797 images of 8x8 pixels with values 0..16,
 * row by row, and the digit each one shows. (E. Alpaydin, C. Kaynak: Optical Recognition of
 * Handwritten Digits, UCI Machine Learning Repository, test set, CC BY 4.0.)
 */
export async function digits(): Promise<Dataset> {
  const text = gunzipSync(await readFile(join(packageRoot, "data/uci-digits.csv.gz"))).toString("ascii");
  const rows = text.trimEnd().split("\n");
  const features = new Float32Array(rows.length * PIXELS);
  const targets = new Int32Array(rows.length);
  rows.forEach((row, i) => {
    const numbers = row.split(",").map(Number);
    features.set(numbers.slice(0, PIXELS), i * PIXELS);
    targets[i] = numbers[PIXELS]!;
  });
  const classNames = Array.from({ length: 10 }, (_, digit) => String(digit));
  return new Dataset({ features, shape: [PIXELS], targets, classNames });
}
