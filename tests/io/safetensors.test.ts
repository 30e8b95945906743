import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ArgumentError, FormatError } from "../../src/errors.js";
import {
  loadSafetensors,
  readSafetensors,
  saveSafetensors,
  writeSafetensors,
} from "../../src/io/safetensors.js";

/** A file with this header text (or object) and this many bytes of data. */
function file(header: unknown, dataLength = 0, options: { length?: number | bigint } = {}): Uint8Array {
  const text =
    header instanceof Uint8Array
      ? header
      : new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(options.length ?? text.length), true);
  bytes.set(text, 8);
  for (let i = 0; i < dataLength; i++) bytes[8 + text.length + i] = i;
  return bytes;
}

const entry = (begin: number, end: number, shape: unknown = [end - begin], dtype: unknown = "U8") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("reading", () => {
  test("a file written by hand, byte by byte", () => {
    const header = '{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"by":"hand"}}';
    const bytes = file(header.padEnd(88, " "), 8);
    new DataView(bytes.buffer).setFloat32(96, 1.5, true);
    new DataView(bytes.buffer).setFloat32(100, -2, true);
    const { tensors, metadata } = readSafetensors(bytes);
    expect(metadata).toEqual({ by: "hand" });
    expect([...tensors.keys()]).toEqual(["w"]);
    expect(tensors.get("w")).toEqual({ dtype: "F32", shape: [2, 1], data: Float32Array.of(1.5, -2) });
  });

  test("half-precision numbers are widened exactly", () => {
    const halves = [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00, 0x7e00, 0x3555];
    const brains = [0x0000, 0x3f80, 0xc000, 0x7f80, 0x7fc0, 0x4049];
    const header = {
      h: entry(0, 22, [11], "F16"),
      b: entry(22, 34, [6], "BF16"),
    };
    const bytes = file(header, 34);
    const data = new DataView(bytes.buffer, bytes.length - 34);
    halves.forEach((half, i) => data.setUint16(2 * i, half, true));
    brains.forEach((brain, i) => data.setUint16(22 + 2 * i, brain, true));
    const { tensors } = readSafetensors(bytes);
    const h = [0, -0, 1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -Infinity, NaN, 0.333251953125];
    expect(tensors.get("h")!.data).toEqual(Float32Array.from(h));
    expect(tensors.get("b")!.data).toEqual(Float32Array.from([0, 1, -2, Infinity, NaN, 3.140625]));
  });

  test("unaligned data", () => {
    const header = JSON.stringify({ a: entry(0, 1), w: entry(1, 9, [2], "F32") });
    const bytes = file(header, 9);
    new DataView(bytes.buffer).setFloat32(bytes.length - 8, 7, true);
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, 8, true);
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      expect(readSafetensors(moved).tensors.get("w")!.data).toEqual(Float32Array.of(7, 8));
    }
  });

  test("empty files, scalars and tensors without elements", () => {
    expect(readSafetensors(file("{}"))).toEqual({ tensors: new Map(), metadata: {} });
    const { tensors } = readSafetensors(
      file({ s: entry(0, 4, [], "F32"), none: entry(4, 4, [3, 0], "F32"), z: entry(4, 5) }, 5),
    );
    expect(tensors.get("s")!.data.length).toBe(1);
    expect(tensors.get("none")).toMatchObject({ shape: [3, 0], data: new Float32Array(0) });
  });
});

describe("a hostile or broken file is refused with what is wrong", () => {
  const F = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /at least 8 bytes for safetensors but received 0/],
    ["seven bytes", new Uint8Array(7), /at least 8 bytes/],
    ["a header longer than the file", file("{}", 0, { length: 3 }), /header length but received 3/],
    ["a header of 100 MB and one", file("{}", 0, { length: 100_000_001 }), /at most 100000000 bytes/],
    ["a header length beyond 2^53", file("{}", 0, { length: 0xffffffffffffffffn }), /header length/],
    ["a header of no bytes", file(""), /JSON/],
    ["invalid UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x30, 0x7d)), /UTF-8/],
    ["a byte order mark", file("\ufeff{}"), /JSON/],
    ["invalid JSON", file("{'a':1}"), /JSON/],
    ["JSON cut off", file('{"a":{"dtype":"F32"'), /JSON/],
    ["a list", file("[]"), /an object for safetensors header/],
    ["null", file("null"), /an object for safetensors header/],
    ["an entry that is no object", file({ a: 3 }), /an object for tensor "a" but received 3/],
    ["an entry that is null", file({ a: null }), /an object for tensor "a"/],
    [
      "duplicate names",
      file(`{"a":${JSON.stringify(F)},"a":${JSON.stringify(F)}}`, 4),
      /distinct keys .* "a" twice/,
    ],
    [
      "names that are equal after unescaping",
      file(`{"a":${JSON.stringify(F)},"\\u0061":${JSON.stringify(F)}}`, 4),
      /"a" twice/,
    ],
    [
      "duplicate fields",
      file('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
      /"dtype" twice/,
    ],
    [
      "an unknown dtype",
      file({ a: { ...F, dtype: "F8" } }, 4),
      /a dtype among F32.* for tensor "a" but received "F8"/,
    ],
    ["a dtype that objects inherit", file({ a: { ...F, dtype: "toString" } }, 4), /a dtype among/],
    ["no dtype", file({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /a dtype among/],
    ["a negative dimension", file({ a: { ...F, shape: [-1] } }, 4), /integers >= 0/],
    ["two negative dimensions", file({ a: { ...F, shape: [-1, -1] } }, 4), /integers >= 0/],
    ["minus zero", file('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'), /integers >= 0/],
    ["a fractional dimension", file({ a: { ...F, shape: [0.5, 2] } }, 4), /integers >= 0/],
    ["a dimension beyond 2^53", file({ a: { ...F, shape: [2 ** 60, 0] } }, 0), /integers >= 0/],
    [
      "a shape product beyond 2^53",
      file({ a: { ...F, shape: [2 ** 30, 2 ** 30] } }, 4),
      /fewer than 2\^53 elements/,
    ],
    [
      "such a product times zero",
      file({ a: { ...F, shape: [2 ** 30, 2 ** 30, 0], data_offsets: [0, 0] } }, 0),
      /2\^53/,
    ],
    ["no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), /a shape of integers/],
    [
      "too few bytes for the shape",
      file({ a: entry(0, 4, [2], "F32") }, 4),
      /8 bytes, as F32 \[2\] takes, for tensor "a" but received 4/,
    ],
    ["too many bytes for the shape", file({ a: entry(0, 8, [1], "F32") }, 8), /4 bytes/],
    [
      "data that is cut off",
      file({ a: entry(0, 8, [2], "F32") }, 7),
      /data_offsets \[begin, end\] within 0\.\.7/,
    ],
    [
      "data behind the last tensor",
      file({ a: entry(0, 4, [1], "F32") }, 5),
      /4 bytes of data for safetensors but received 5/,
    ],
    ["offsets past the end", file({ a: entry(1_000_000, 1_000_004, [1], "F32") }, 4), /data_offsets/],
    ["offsets the wrong way round", file({ a: entry(4, 0, [1], "F32") }, 4), /data_offsets/],
    ["negative offsets", file({ a: entry(-4, 0, [1], "F32") }, 4), /data_offsets/],
    ["fractional offsets", file({ a: entry(0.5, 4.5, [1], "F32") }, 8), /data_offsets/],
    ["offsets as text", file({ a: { ...F, data_offsets: "04" } }, 4), /data_offsets/],
    ["three offsets", file({ a: { ...F, data_offsets: [0, 4, 8] } }, 4), /data_offsets/],
    [
      "overlapping tensors",
      file({ a: entry(0, 4), b: entry(2, 6) }, 6),
      /begins at byte 4.* for tensor "b" but received 2/,
    ],
    ["two names for one range", file({ a: entry(0, 4), b: entry(0, 4) }, 4), /begins at byte 4/],
    [
      "a gap",
      file({ a: entry(0, 2), b: entry(3, 4) }, 4),
      /begins at byte 2.* for tensor "b" but received 3/,
    ],
    ["a gap at the beginning", file({ a: entry(1, 4) }, 4), /begins at byte 0/],
    ["data without tensors", file("{}", 3), /0 bytes of data/],
    ["metadata that is no object", file({ __metadata__: "x" }), /an object of strings for __metadata__/],
    ["metadata with a number", file({ __metadata__: { a: 1 } }), /an object of strings for __metadata__/],
    ["a BOOL of 2", file({ a: entry(0, 3, [3], "BOOL") }, 3), /bytes 0 and 1/],
    ["deep nesting", file("[".repeat(1_000_000)), /JSON|an object/],
    ["a deep entry", file(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`), /an object for tensor "a"/],
  ])("%s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(FormatError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  test("every truncation of a valid file", () => {
    const whole = writeSafetensors({ a: { shape: [3], data: Float32Array.of(1, 2, 3) } }, { k: "v" });
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSafetensors(whole.subarray(0, length))).toThrow(FormatError);
    }
  });

  test("something other than bytes", () => {
    expect(() => readSafetensors("x" as never)).toThrow(ArgumentError);
  });
});

describe("writing", () => {
  const tensors = {
    bytes: { shape: [3], data: Uint8Array.of(1, 2, 3) },
    mask: { dtype: "BOOL" as const, shape: [2], data: Uint8Array.of(0, 1) },
    "fc.weight": { shape: [2, 2], data: Float32Array.of(1, -0, NaN, 1e-45) },
    double: { shape: [], data: Float64Array.of(Math.PI) },
    steps: { shape: [1], data: BigInt64Array.of(-(2n ** 63n)) },
    labels: { shape: [2], data: Int32Array.of(-1, 2 ** 31 - 1) },
    __proto__x: { shape: [0], data: new Float32Array(0) },
  };

  test("what is written is read back, bit for bit", () => {
    const map = new Map<string, (typeof tensors)["fc.weight"]>([
      ["__proto__", { shape: [1], data: Float32Array.of(5) }],
    ]);
    expect(readSafetensors(writeSafetensors(map)).tensors.get("__proto__")!.data).toEqual(Float32Array.of(5));
    const metadata = { format: "pt", 'quote"': "ü\n🎉" };
    const back = readSafetensors(writeSafetensors(tensors, metadata));
    expect(back.metadata).toEqual(metadata);
    expect(new Set(back.tensors.keys())).toEqual(new Set(Object.keys(tensors)));
    for (const [name, tensor] of Object.entries(tensors)) {
      const { shape, data } = back.tensors.get(name)!;
      expect(shape).toEqual(tensor.shape);
      expect(data.constructor).toBe(tensor.data.constructor);
      expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).toEqual(
        Buffer.from(tensor.data.buffer),
      );
    }
    expect(back.tensors.get("mask")!.dtype).toBe("BOOL");
  });

  test("the layout is the format's: length, JSON padded to 8, aligned data without gaps", () => {
    const bytes = writeSafetensors(tensors);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
    expect(text.startsWith("{")).toBe(true);
    const header = JSON.parse(text) as Record<string, { dtype: string; data_offsets: [number, number] }>;
    const sizes: Record<string, number> = { F32: 4, F64: 8, I32: 4, I64: 8, U8: 1, BOOL: 1 };
    for (const { dtype, data_offsets } of Object.values(header))
      expect(data_offsets[0] % sizes[dtype]!).toBe(0);
    expect("__metadata__" in header).toBe(false);
  });

  test("a view of a larger buffer is written as what it shows", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    expect(readSafetensors(writeSafetensors({ a: { shape: [2], data } })).tensors.get("a")!.data).toEqual(
      Float32Array.of(2, 3),
    );
  });

  test.each<[string, Parameters<typeof writeSafetensors>, RegExp]>([
    [
      "a shape that does not fit",
      [{ a: { shape: [3], data: new Float32Array(2) } }],
      /a shape of 2 elements for tensor "a" but received \[3\]/,
    ],
    [
      "an array of another kind",
      [{ a: { shape: [2], data: new Uint16Array(2) as never } }],
      /Uint16Array\(2\)/,
    ],
    [
      "a dtype that is not the array's",
      [{ a: { dtype: "F64", shape: [2], data: new Float32Array(2) } }],
      /the dtype F32/,
    ],
    ["the reserved name", [{ __metadata__: { shape: [0], data: new Float32Array(0) } }], /a name other than/],
    ["metadata that is not text", [{}, { a: 1 as never }], /a string for metadata "a" but received 1/],
  ])("refuses %s", (_, args, message) => {
    expect(() => writeSafetensors(...args)).toThrow(ArgumentError);
    expect(() => writeSafetensors(...args)).toThrow(message);
  });
});

describe("files", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nabla-safetensors-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("are written whole and leave nothing else behind", async () => {
    const path = join(folder, "a.safetensors");
    await writeFile(path, "old");
    await saveSafetensors(path, { a: { shape: [2], data: Float32Array.of(1, 2) } }, { k: "v" });
    const { tensors, metadata } = await loadSafetensors(path);
    expect(tensors.get("a")!.data).toEqual(Float32Array.of(1, 2));
    expect(metadata).toEqual({ k: "v" });
    expect(await readdir(folder)).toEqual(["a.safetensors"]);
  });

  test("a failed write keeps the old file", async () => {
    const path = join(folder, "b.safetensors");
    await writeFile(path, "old");
    await expect(saveSafetensors(path, { a: { shape: [9], data: new Float32Array(2) } })).rejects.toThrow(
      ArgumentError,
    );
    expect(await readFile(path, "utf8")).toBe("old");
    await expect(saveSafetensors(join(folder, "missing", "c"), {})).rejects.toThrow(/ENOENT/);
    const before = await readdir(folder);
    await mkdir(join(folder, "d"));
    await expect(saveSafetensors(join(folder, "d"), {})).rejects.toThrow();
    expect(await readdir(folder)).toEqual([...before, "d"].sort());
  });
});
