import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { idx, parseIdx } from "../../src/data/index.js";
import { DataError, FormatError } from "../../src/errors.js";

/** An IDX file of this type byte and these dimensions, with the payload behind. */
function file(type: number, shape: number[], payload: Uint8Array | number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + payload.length);
  bytes.set([0, 0, type, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((dimension, i) => view.setUint32(4 + 4 * i, dimension));
  bytes.set(payload, 4 + 4 * shape.length);
  return bytes;
}

describe("parseIdx", () => {
  test.each<[string, number, number[], ArrayLike<number>]>([
    ["uint8", 8, [0, 255], Uint8Array.of(0, 255)],
    ["int8", 9, [1, 255], Int8Array.of(1, -1)],
    ["int16", 11, [1, 2, 0xff, 0xfe], Int16Array.of(258, -2)],
    ["int32", 12, [0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff], Int32Array.of(256, -1)],
    ["float32", 13, [0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0], Float32Array.of(1.5, -2)],
    ["float64", 14, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], Float64Array.of(1.5, -2)],
  ])("reads big-endian %s, gzipped or not", (_, type, payload, data) => {
    const bytes = file(type, [2], payload);
    expect(parseIdx(bytes)).toEqual({ shape: [2], data });
    expect(parseIdx(gzipSync(bytes))).toEqual({ shape: [2], data });
    const shifted = new Uint8Array(bytes.length + 1).subarray(1);
    shifted.set(bytes);
    expect(parseIdx(shifted)).toEqual({ shape: [2], data });
  });

  test("dimensions are row-major", () => {
    expect(parseIdx(file(8, [2, 1, 3], [1, 2, 3, 4, 5, 6]))).toEqual({
      shape: [2, 1, 3],
      data: Uint8Array.of(1, 2, 3, 4, 5, 6),
    });
    expect(parseIdx(file(8, [0, 3], []))).toEqual({ shape: [0, 3], data: new Uint8Array(0) });
  });

  const good = file(8, [2, 2], [1, 2, 3, 4]);
  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /an IDX header of 4 bytes.*received 0 bytes/],
    [
      "a wrong magic",
      Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 0),
      /an IDX magic number .* for here but received 0x01000801/,
    ],
    ["an unknown type", file(10, [1], [0]), /magic number .* received 0x00000a01/],
    ["no dimensions", Uint8Array.of(0, 0, 8, 0, 7), /magic number .* received 0x00000800/],
    ["a PNG", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d), /0x89504e47/],
    ["dimensions cut off", good.subarray(0, 10), /2 dimensions for here but received a file of 10 bytes/],
    [
      "data cut off",
      good.subarray(0, 15),
      /16 bytes for the dimensions \[2, 2\] for here but received 15 bytes/,
    ],
    ["data too long", file(8, [2, 2], [1, 2, 3, 4, 5]), /16 bytes .* received 17 bytes/],
    ["huge dimensions", file(8, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [1]), /bytes for the dimensions/],
    ["a gzip file cut off", gzipSync(good).subarray(0, 20), /a whole gzip file for here/],
    ["a gzip file with damage", Uint8Array.of(0x1f, 0x8b, 1, 2, 3), /a whole gzip file/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parseIdx(bytes, "here")).toThrow(FormatError);
    expect(() => parseIdx(bytes, "here")).toThrow(message);
  });
});

describe("idx", () => {
  let folder: string;
  const images = file(8, [3, 2, 2], [0, 51, 102, 153, 1, 2, 3, 4, 5, 6, 7, 255]);
  const labels = file(8, [3], [7, 0, 2]);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nabla-idx-"));
    await writeFile(join(folder, "train-images-idx3-ubyte"), images);
    await writeFile(join(folder, "train-labels-idx1-ubyte"), labels);
    await writeFile(join(folder, "t10k-images-idx3-ubyte.gz"), gzipSync(file(8, [1, 2, 2], [9, 9, 9, 9])));
    await writeFile(join(folder, "mnist-t10k-labels-idx1-ubyte.gz"), gzipSync(file(8, [1], [4])));
    await writeFile(join(folder, "floats"), file(13, [3], new Uint8Array(12)));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("finds the files of a set in a folder", async () => {
    const train = await idx(folder);
    expect(train).toMatchObject({ shape: [2, 2], length: 3, classCount: 8 });
    expect(train.features.subarray(0, 4)).toEqual(Float32Array.of(0, 51, 102, 153));
    expect(train.targets).toEqual(Int32Array.of(7, 0, 2));
    const scaled = await idx(folder, { scale: 1 / 255 });
    expect(scaled.features[11]).toBe(1);
    expect((await idx(folder, { set: "t10k" })).targets).toEqual(Int32Array.of(4));
  });

  test("what does not fit together is refused", async () => {
    const at = (name: string) => join(folder, name);
    const pair = { images: at("train-images-idx3-ubyte"), labels: at("mnist-t10k-labels-idx1-ubyte.gz") };
    await expect(idx(pair)).rejects.toThrow(/3 labels, one an image.* received 1/);
    await expect(idx({ ...pair, labels: pair.images })).rejects.toThrow(FormatError);
    await expect(idx({ ...pair, labels: at("floats") })).rejects.toThrow(/one integer label an image/);
    await expect(idx({ ...pair, labels: at("none") })).rejects.toThrow(/ENOENT/);
    const empty = await mkdtemp(join(tmpdir(), "nabla-idx-"));
    await expect(idx(empty)).rejects.toThrow(DataError);
    await expect(idx(empty)).rejects.toThrow(/train-images-idx3-ubyte .* received an empty folder/);
    await rm(empty, { recursive: true });
  });

  const shared = join(import.meta.dirname, "../../../shared/data");
  test.skipIf(!existsSync(shared))("reads 10,000 MNIST digits (skipped without ../shared/data)", async () => {
    const data = await idx(shared);
    expect(data).toMatchObject({ length: 10_000, shape: [28, 28], classCount: 10 });
    expect([...data.targets.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    const counts = Array.from({ length: 10 }, (_, d) => data.targets.filter((t) => t === d).length);
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect(data.features.reduce((most, pixel) => Math.max(most, pixel), 0)).toBe(255);
  });
});
