/**
 * safetensors (https://github.com/huggingface/safetensors): 8 bytes little-endian length of the
 * header, the header as JSON padded with spaces, the tensors' bytes one after the other without
 * gaps. Header: name -> {dtype, shape, data_offsets: [begin, end]} and `__metadata__`: text -> text.
 */

import { open } from "node:fs/promises";
import { ArgumentError, describe, expected, FormatError } from "../errors.js";
import { writeFileAtomic } from "./atomic-write.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.js";
import { parseStrictJson } from "./strict-json.js";

/** F16 and BF16 are read, as Float32Array, but not written. */
export type SafetensorsDType = "F32" | "F64" | "I32" | "I64" | "U8" | "BOOL" | "F16" | "BF16";
export type SafetensorsArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

export interface SafetensorsTensor {
  /** The type in the file. */
  dtype: SafetensorsDType;
  shape: readonly number[];
  data: SafetensorsArray;
}

export interface SafetensorsFile {
  tensors: Map<string, SafetensorsTensor>;
  metadata: Record<string, string>;
}

/** What is written; by default the dtype is that of the array. */
export type TensorToWrite = Omit<SafetensorsTensor, "dtype"> & { dtype?: SafetensorsDType };

interface Encoding {
  bytes: number;
  /** The numbers at these bytes: a view where the memory is aligned, else a copy. */
  read: (bytes: Uint8Array) => SafetensorsArray;
}

const encodings: Record<SafetensorsDType, Encoding> = {
  F32: { bytes: 4, read: (bytes) => view(Float32Array, bytes) },
  F64: { bytes: 8, read: (bytes) => view(Float64Array, bytes) },
  I32: { bytes: 4, read: (bytes) => view(Int32Array, bytes) },
  I64: { bytes: 8, read: (bytes) => view(BigInt64Array, bytes) },
  U8: { bytes: 1, read: (bytes) => bytes },
  BOOL: { bytes: 1, read: (bytes) => bytes },
  F16: { bytes: 2, read: (bytes) => float16ToFloat32(view(Uint16Array, bytes)) },
  BF16: { bytes: 2, read: (bytes) => bfloat16ToFloat32(view(Uint16Array, bytes)) },
};

const LENGTH_BYTES = 8;
/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";

interface ArrayType<T> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

function view<T>(type: ArrayType<T>, bytes: Uint8Array): T {
  const size = type.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new type(buffer, byteOffset, bytes.byteLength / size);
}

/** The tensors in the bytes of a safetensors file. They may share memory with `bytes`. */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  if (!(bytes instanceof Uint8Array)) {
    throw new ArgumentError(expected("a Uint8Array", "safetensors", describe(bytes)));
  }
  const { header, data } = splitFile(bytes);
  const tensors = new Map<string, SafetensorsTensor>();
  const ranges: Range[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) {
      metadata = readMetadata(entry);
      continue;
    }
    const { dtype, shape, range } = readEntry(name, entry, data.length);
    ranges.push(range);
    const own = data.subarray(range.begin, range.end);
    if (dtype === "BOOL" && own.some((byte) => byte > 1)) {
      throw new FormatError(expected("bytes 0 and 1", `tensor ${describe(name)} of type BOOL`, "others"));
    }
    tensors.set(name, { dtype, shape, data: encodings[dtype].read(own) });
  }
  checkCover(ranges, data.length);
  return { tensors, metadata };
}

/** The header as an object, and the bytes behind it. */
function splitFile(bytes: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < LENGTH_BYTES) {
    throw new FormatError(expected("at least 8 bytes", "safetensors", `${bytes.length}`));
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw new FormatError(
      expected(`at most ${MAX_HEADER_BYTES} bytes`, "safetensors header length", `${length}`),
    );
  }
  const end = LENGTH_BYTES + Number(length);
  if (end > bytes.length) {
    const what = `at most the ${bytes.length - LENGTH_BYTES} bytes of the file`;
    throw new FormatError(expected(what, "safetensors header length", `${length}`));
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes.subarray(LENGTH_BYTES, end),
    );
  } catch (cause) {
    throw new FormatError(expected("UTF-8", "safetensors header", "other bytes"), { cause });
  }
  const header = parseStrictJson(text, "safetensors header");
  if (!isObject(header)) throw new FormatError(expected("an object", "safetensors header", describe(header)));
  return { header, data: bytes.subarray(end) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function readMetadata(value: unknown): Record<string, string> {
  const strings = isObject(value) && Object.values(value).every((text) => typeof text === "string");
  if (!strings) throw new FormatError(expected("an object of strings", METADATA, describe(value)));
  return value as Record<string, string>;
}

interface Range {
  name: string;
  begin: number;
  end: number;
}

function readEntry(name: string, entry: unknown, dataLength: number) {
  const place = `tensor ${describe(name)}`;
  if (!isObject(entry)) throw new FormatError(expected("an object", place, describe(entry)));
  const field = (key: string) => (Object.hasOwn(entry, key) ? entry[key] : undefined);
  const dtype = field("dtype");
  if (typeof dtype !== "string" || !Object.hasOwn(encodings, dtype)) {
    const known = Object.keys(encodings).join(", ");
    throw new FormatError(expected(`a dtype among ${known}`, place, describe(dtype)));
  }
  const shape = field("shape");
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw new FormatError(expected("a shape of integers >= 0", place, describe(shape)));
  }
  const range = readRange(name, field("data_offsets"), dataLength);
  const bytes = sizeOf(shape, place) * encodings[dtype as SafetensorsDType].bytes;
  if (bytes !== range.end - range.begin) {
    const what = `${bytes} bytes, as ${dtype} [${shape.join(", ")}] takes,`;
    throw new FormatError(expected(what, place, `${range.end - range.begin}`));
  }
  return { dtype: dtype as SafetensorsDType, shape: shape as number[], range };
}

const isCount = (value: unknown): boolean =>
  Number.isSafeInteger(value) && !Object.is(value, -0) && Number(value) >= 0;

function sizeOf(shape: readonly number[], place: string): number {
  let size = 1;
  for (const dimension of shape) {
    size *= dimension;
    if (size > Number.MAX_SAFE_INTEGER) {
      throw new FormatError(expected("a shape of fewer than 2^53 elements", place, `[${shape.join(", ")}]`));
    }
  }
  return size;
}

function readRange(name: string, offsets: unknown, dataLength: number): Range {
  const valid = Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount);
  const [begin, end] = valid ? (offsets as [number, number]) : [1, 0];
  if (begin > end || end > dataLength) {
    const what = `data_offsets [begin, end] within 0..${dataLength}`;
    throw new FormatError(expected(what, `tensor ${describe(name)}`, describe(offsets)));
  }
  return { name, begin, end };
}

/** The ranges must follow one another without gap or overlap, from 0 to the end of the file. */
function checkCover(ranges: readonly Range[], dataLength: number): void {
  let end = 0;
  for (const range of [...ranges].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (range.begin !== end) {
      const what = `data that begins at byte ${end}, where the one before it ends,`;
      throw new FormatError(expected(what, `tensor ${describe(range.name)}`, `${range.begin}`));
    }
    end = range.end;
  }
  if (end !== dataLength) {
    throw new FormatError(expected(`${end} bytes of data`, "safetensors", `${dataLength}`));
  }
}

/** The bytes of a safetensors file. Tensors of wider types come first, so that all are aligned. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorToWrite> | Readonly<Record<string, TensorToWrite>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...(tensors instanceof Map ? tensors : Object.entries(tensors))].map(([name, tensor]) =>
    checkTensor(name as string, tensor as TensorToWrite),
  );
  entries.sort((a, b) => encodings[b.dtype].bytes - encodings[a.dtype].bytes);
  let end = 0;
  const described = entries.map(({ name, dtype, shape, data }): [string, unknown] => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const withMetadata =
    Object.keys(metadata).length > 0 ? [[METADATA, checkMetadata(metadata)], ...described] : described;
  // Object.fromEntries defines even "__proto__" as a key of the object itself.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(withMetadata)));
  const headerLength = Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES;
  const bytes = new Uint8Array(LENGTH_BYTES + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerLength);
  bytes.set(json, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerLength;
  for (const { data } of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function checkTensor(name: string, { dtype, shape, data }: TensorToWrite) {
  const place = `tensor ${describe(name)}`;
  if (name === METADATA)
    throw new ArgumentError(expected(`a name other than ${METADATA}`, "tensor", describe(name)));
  const own = naturalDType(data);
  if (own === undefined) {
    const what = "a Float32Array, Float64Array, Int32Array, BigInt64Array or Uint8Array";
    throw new ArgumentError(expected(what, place, describe(data)));
  }
  if (dtype !== undefined && dtype !== own && !(dtype === "BOOL" && own === "U8")) {
    throw new ArgumentError(expected(`the dtype ${own} of its array`, place, describe(dtype)));
  }
  if (!Array.isArray(shape) || !shape.every(isCount) || sizeOf(shape, place) !== data.length) {
    throw new ArgumentError(expected(`a shape of ${data.length} elements`, place, describe(shape)));
  }
  return { name, dtype: dtype ?? own, shape, data };
}

function naturalDType(data: unknown): SafetensorsDType | undefined {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Float64Array) return "F64";
  if (data instanceof Int32Array) return "I32";
  if (data instanceof BigInt64Array) return "I64";
  return data instanceof Uint8Array ? "U8" : undefined;
}

function checkMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") {
      throw new ArgumentError(expected("a string", `metadata ${describe(key)}`, describe(value)));
    }
  }
  return metadata;
}

const READ_BYTES = 2 ** 30;

/** The tensors of a safetensors file. */
export async function loadSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(READ_BYTES, size - at), at);
      if (bytesRead === 0) throw new FormatError(expected(`${size} bytes`, path, `${at}`));
      at += bytesRead;
    }
    return readSafetensors(bytes);
  } finally {
    await file.close();
  }
}

/** Writes a safetensors file, whole or not at all. */
export async function saveSafetensors(
  path: string,
  tensors: Parameters<typeof writeSafetensors>[0],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, writeSafetensors(tensors, metadata));
}
