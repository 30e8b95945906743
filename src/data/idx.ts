/**
 * IDX, the format of the MNIST files (http://yann.lecun.com/exdb/mnist): two zero bytes, a type
 * byte, the number of dimensions, the dimensions as big-endian 32-bit integers, the numbers,
 * row-major and big-endian. Gzipped or not.
 */

import { readdir, readFile } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import {
  ArgumentError,
  checkNumber,
  checkOneOf,
  checkOptions,
  DataError,
  describe,
  expected,
  FormatError,
} from "../errors.js";
import { Dataset } from "./dataset.js";

export interface IdxArray {
  shape: number[];
  data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

interface ElementType {
  bytes: number;
  /** The elements of `bytes`, which is aligned and in this machine's byte order. */
  view: (bytes: Uint8Array<ArrayBuffer>) => IdxArray["data"];
}

const elementTypes: Record<number, ElementType> = {
  8: { bytes: 1, view: (bytes) => bytes },
  9: { bytes: 1, view: ({ buffer }) => new Int8Array(buffer) },
  11: { bytes: 2, view: ({ buffer }) => new Int16Array(buffer) },
  12: { bytes: 4, view: ({ buffer }) => new Int32Array(buffer) },
  13: { bytes: 4, view: ({ buffer }) => new Float32Array(buffer) },
  14: { bytes: 8, view: ({ buffer }) => new Float64Array(buffer) },
};

/** A copy of big-endian elements of `size` bytes in this machine's byte order. */
function toNative(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  if (size === 1 || endianness() === "BE") return copy;
  for (let i = 0; i < copy.length; i += size) copy.subarray(i, i + size).reverse();
  return copy;
}

const MAX_BYTES = 2 ** 31;

/** The array in the bytes of an IDX file, gzipped or not. `name` is what errors call it. */
export function parseIdx(bytes: Uint8Array, name = "IDX data"): IdxArray {
  const plain = decompress(bytes, name);
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  if (view.byteLength < 4) {
    throw new FormatError(expected("an IDX header of 4 bytes", name, `${view.byteLength} bytes`));
  }
  const type = elementTypes[view.getUint8(2)];
  const rank = view.getUint8(3);
  if (view.getUint16(0) !== 0 || type === undefined || rank === 0) {
    const magic = `0x${view.getUint32(0).toString(16).padStart(8, "0")}`;
    throw new FormatError(
      expected("an IDX magic number (0x00000803 for images, 0x00000801 for labels)", name, magic),
    );
  }
  const header = 4 + 4 * rank;
  if (view.byteLength < header) {
    throw new FormatError(expected(`${rank} dimensions`, name, `a file of ${view.byteLength} bytes`));
  }
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const length = shape.reduce((product, dimension) => product * dimension, 1);
  if (header + length * type.bytes !== view.byteLength) {
    const what = `${header + length * type.bytes} bytes for the dimensions [${shape.join(", ")}]`;
    throw new FormatError(expected(what, name, `${view.byteLength} bytes`));
  }
  return { shape, data: type.view(toNative(plain.subarray(header), type.bytes)) };
}

function decompress(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    throw new FormatError(expected("a whole gzip file", name, describe(cause)), { cause });
  }
}

export interface IdxFiles {
  images: string;
  labels: string;
}

export interface IdxOptions {
  /** Which files of a folder that has both; by default "train" where it is there, else "t10k". */
  set?: "train" | "t10k";
  /** What every number is multiplied by, 1 by default; 1/255 brings bytes into 0..1. */
  scale?: number;
}

/** Samples and labels from a folder of MNIST's file names, or from two files. */
export async function idx(source: string | IdxFiles, options: IdxOptions = {}): Promise<Dataset> {
  checkOptions(options, ["set", "scale"], "idx");
  if (options.set !== undefined) checkOneOf(options.set, ["train", "t10k"], "set");
  const scale = checkNumber(options.scale ?? 1, "scale");
  const files = typeof source === "string" ? await findFiles(source, options.set) : checkFiles(source);
  const images = parseIdx(await readFile(files.images), files.images);
  const labels = parseIdx(await readFile(files.labels), files.labels);
  if (
    labels.shape.length !== 1 ||
    labels.data instanceof Float32Array ||
    labels.data instanceof Float64Array
  ) {
    const came = `${labels.data.constructor.name} of dimensions [${labels.shape.join(", ")}]`;
    throw new FormatError(expected("one integer label an image", files.labels, came));
  }
  if (images.shape[0] !== labels.shape[0]) {
    throw new DataError(
      expected(`${images.shape[0]} labels, one an image,`, files.labels, `${labels.shape[0]}`),
    );
  }
  return new Dataset({
    features: new Float32Array(images.data).map((value) => value * scale),
    shape: images.shape.slice(1),
    targets: new Int32Array(labels.data),
  });
}

function checkFiles(source: IdxFiles): IdxFiles {
  checkOptions(source, ["images", "labels"], "IDX files");
  if (typeof source.images !== "string" || typeof source.labels !== "string") {
    throw new ArgumentError(
      expected("a folder, or paths of images and labels", "IDX files", describe(source)),
    );
  }
  return source;
}

/** The pair of files of one set: `train-images-idx3-ubyte.gz` and the like, under any prefix. */
async function findFiles(folder: string, wanted: IdxOptions["set"]): Promise<IdxFiles> {
  const names = (await readdir(folder)).sort();
  for (const set of wanted ? [wanted] : ["train", "t10k"]) {
    const find = (kind: string) =>
      names.find((name) => new RegExp(`${set}-${kind}[-.]idx\\d-ubyte(\\.gz)?$`).test(name));
    const images = find("images");
    const labels = find("labels");
    if (images && labels) return { images: join(folder, images), labels: join(folder, labels) };
  }
  const what = `${wanted ?? "train or t10k"} files (${wanted ?? "train"}-images-idx3-ubyte and …-labels-idx1-ubyte, gzipped or not)`;
  throw new DataError(
    expected(what, folder, names.length === 0 ? "an empty folder" : names.slice(0, 6).join(", ")),
  );
}
