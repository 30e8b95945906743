// The binding by itself, under the TypeScript layer: what it refuses, whose memory it uses, and that
// nothing JavaScript does to an object, an array or a worker brings the process down.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

const path = new URL("../../build/Release/nabla.node", import.meta.url).pathname;
const addon = createRequire(import.meta.url)(path);
const { Buffer: NativeBuffer, Program } = addon;

const row = (name: string): number => addon.kernelRows().indexOf(name);
const pointwise = (name: string): number => addon.pointwiseRows().indexOf(name);
const absent = [0];
const vector = (slot: number, n: number) => [1, slot, 0, 0, 1, n, 1, 0];

/** slot 2 = f(slot 1), n floats. */
function unary(name: string, n: number): Float64Array {
  const operands = [vector(1, n), ...Array(7).fill(absent), vector(2, n), absent, absent, absent].flat();
  const code = [0, 0, 1, pointwise(name), 8, 0, 0, 0];
  const slots = [n * 4, 0, n * 4, 1];
  return Float64Array.from([
    0x6e61626c,
    1,
    0,
    2,
    1,
    0,
    ...slots,
    row("pointwise"),
    ...operands,
    code.length,
    ...code,
  ]);
}

function bound(name: string, n: number) {
  const program = new Program(unary(name, n));
  const x = new NativeBuffer(n * 4);
  const y = new NativeBuffer(n * 4);
  program.bind(1, x);
  program.bind(2, y);
  return { program, x, y };
}

const codeOf = (call: () => unknown): string | undefined => {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe("Buffer", () => {
  it("is zeroed memory behind one ArrayBuffer", () => {
    const buffer = new NativeBuffer(3 << 20);
    expect(buffer.byteLength).toBe(3 << 20);
    expect(buffer.arrayBuffer).toBe(buffer.arrayBuffer);
    expect(new Uint8Array(buffer.arrayBuffer).every((byte) => byte === 0)).toBe(true);
    expect(new NativeBuffer(0).arrayBuffer.byteLength).toBe(0);
  });

  it("empties stale views when detached, and keeps its memory", () => {
    const { program, x, y } = bound("neg", 4);
    const stale = new Float32Array(x.arrayBuffer).fill(5);
    x.detach();
    x.detach();
    expect(stale.length).toBe(0);
    expect(program.run(1)).toBe(1);
    expect([...new Float32Array(y.arrayBuffer)]).toEqual([-5, -5, -5, -5]);
    expect(new Float32Array(x.arrayBuffer)[0]).toBe(5);
  });
});

describe("Program", () => {
  it("runs steps, now and in the background", async () => {
    const { program, x, y } = bound("exp", 3);
    new Float32Array(x.arrayBuffer).set([0, 1, 2]);
    expect(program.run(2)).toBe(2);
    expect(new Float32Array(y.arrayBuffer)[1]).toBeCloseTo(Math.E, 5);
    expect(await program.runAsync(3)).toBe(3);
    expect(program.profile(2)).toHaveLength(1);
    expect([...program.status]).toEqual([0, 0, 0, 0]);
  });

  it("uses the caller's arrays in place for one run", () => {
    const program = new Program(unary("square", 3));
    const x = new Float32Array([9, 1, 2, 3]).subarray(1);
    const y = new Float32Array(3);
    expect(program.runArrays(x, y)).toBe(1);
    expect([...y]).toEqual([1, 4, 9]);
    expect(codeOf(() => program.run(1))).toBe("ERR_NABLA_STATE");
    program.bindArray(1, x);
    program.bindArray(2, y.fill(0));
    expect(program.run(1)).toBe(1);
    expect([...y]).toEqual([1, 4, 9]);
    expect(codeOf(() => program.run(1))).toBe("ERR_NABLA_STATE");
  });

  it("refuses arrays that are short, detached, shared, resizable or overlapping", () => {
    const program = new Program(unary("exp", 4));
    const good = new Float32Array(4);
    const detached = new Float32Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const shared = new Float32Array(new SharedArrayBuffer(16));
    const resizable = new Float32Array(
      Reflect.construct(ArrayBuffer, [16, { maxByteLength: 32 }]) as ArrayBuffer,
    );
    const misaligned = new Uint8Array(17).subarray(1);
    for (const bad of [new Float32Array(3), detached, shared, misaligned, [1, 2, 3, 4], null]) {
      expect(codeOf(() => program.runArrays(bad, good))).toBe("ERR_NABLA_ARGUMENT");
    }
    for (const bad of [new Float32Array(3), detached, shared, resizable, {}, undefined]) {
      expect(codeOf(() => program.bindArray(1, bad))).toBe("ERR_NABLA_ARGUMENT");
    }
    expect(codeOf(() => program.runArrays(good, good))).toBe("ERR_NABLA_ARGUMENT");
    const late = new Float32Array(4);
    program.bindArray(1, late);
    program.bindArray(2, good);
    structuredClone(late.buffer, { transfer: [late.buffer] });
    expect(codeOf(() => program.run(1))).toBe("ERR_NABLA_ARGUMENT");
  });

  it("says that it is busy, or that another run writes its buffer", async () => {
    const { program, x, y } = bound("exp", 64);
    const other = new Program(unary("exp", 64));
    other.bind(1, x);
    other.bind(2, y);
    const run = program.runAsync(1e9);
    expect(codeOf(() => program.run(1))).toBe("ERR_NABLA_BUSY");
    expect(codeOf(() => program.runAsync(1))).toBe("ERR_NABLA_BUSY");
    expect(codeOf(() => program.bind(1, x))).toBe("ERR_NABLA_BUSY");
    expect(() => other.run(1)).toThrow(/no other run writes for slot 2/);
    const reader = bound("exp", 64);
    reader.program.bind(1, y);
    expect(reader.program.run(1)).toBe(1);
    program.interrupt();
    expect(await run).toBeLessThan(1e9);
    expect(other.run(1)).toBe(1);
  });
});

describe("whoever calls", () => {
  const { program, x } = bound("exp", 4);
  const odd = [undefined, null, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", 2 ** 60, 1n, {}, []];

  it("gets a TypeError for a wrong argument", () => {
    for (const value of odd) {
      for (const call of [
        () => program.run(value),
        () => program.runAsync(value),
        () => program.profile(value),
        () => program.bind(value, x),
        () => program.bind(1, value),
        () => new NativeBuffer(value),
        () => new Program(value),
        () => addon.setThreads(value),
      ]) {
        expect(call).toThrow(TypeError);
      }
    }
    expect(() => new Program(unary("exp", 4), "sse9")).toThrow(/scalar.*for isa but received "sse9"/);
    expect(() => Program(unary("exp", 4))).toThrow(TypeError);
  });

  it("gets a TypeError for a wrong receiver", () => {
    const receivers = [
      program,
      x,
      {},
      null,
      1,
      Object.create(x),
      Object.create(program),
      new Proxy(program, {}),
    ];
    for (const [owner, right] of [
      [NativeBuffer, x],
      [Program, program],
    ]) {
      for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(owner.prototype))) {
        if (name === "constructor") continue;
        const { get, value } = property as PropertyDescriptor;
        for (const receiver of receivers) {
          if (receiver !== right) expect(() => (get ?? value).call(receiver, 1), name).toThrow(TypeError);
        }
      }
    }
  });
});

describe("loading", () => {
  it.each([
    ["NABLA_ISA", "sse9", /scalar for NABLA_ISA but received "sse9"/],
    ["NABLA_THREADS", "0", /from 1 to 256 for NABLA_THREADS but received "0"/],
  ])("is refused for a wrong %s", (name, value, message) => {
    const load = `try { require(${JSON.stringify(path)}) } catch (error) { console.log(error.code, error.message) }`;
    const { stdout, status } = spawnSync(process.execPath, ["-e", load], {
      encoding: "utf8",
      env: { ...process.env, [name]: value },
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ERR_NABLA_ARGUMENT /);
    expect(stdout).toMatch(message);
  });
});

describe("a worker", () => {
  const body = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Buffer, Program } = require(workerData.path);
    const programs = [0, 1, 2].map(() => {
      const program = new Program(workerData.words);
      program.bind(1, new Buffer(400000));
      program.bind(2, new Buffer(400000));
      return program;
    });
    for (const program of programs) program.runAsync(1e9, 2);
    parentPort.postMessage("running");
  `;

  it("may be terminated while its steps run", async () => {
    const workerData = { path, words: unary("exp", 100000) };
    for (let round = 0; round < 8; round++) {
      const worker = new Worker(body, { eval: true, workerData });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      await worker.terminate();
    }
    const { program } = bound("exp", 100000);
    expect(await program.runAsync(2)).toBe(2);
  });

  // Once it is being terminated JavaScript's functions fail, so a call that was in the middle of its work
  // ends with an error that nobody can be given.
  it.each([
    ["profile", "program.profile(200)"],
    ["runAsync", "await program.runAsync(1)"],
    ["run", "program.run(200)"],
    ["a wrong argument", "try { program.bind(1, 2) } catch {}"],
    ["new Program", "new Program(workerData.words)"],
    ["new Buffer", "new Buffer(8).arrayBuffer"],
    ["info", "addon.info()"],
  ])("may be terminated in the middle of a call: %s", (_name, call) => {
    const body = `
      const { parentPort, workerData } = require("node:worker_threads");
      parentPort.postMessage("loading");
      const addon = require(workerData.path);
      const { Buffer, Program } = addon;
      const program = new Program(workerData.words);
      program.bind(1, new Buffer(40000));
      program.bind(2, new Buffer(40000));
      parentPort.postMessage("running");
      (async () => { for (;;) { ${call} } })();
    `;
    const workerData = { path, words: [...unary("exp", 10000)] };
    const terminations = 24;
    const main = `
      const { once } = require("node:events");
      const { Worker } = require("node:worker_threads");
      const { workerData, body } = ${JSON.stringify({ workerData, body })};
      workerData.words = Float64Array.from(workerData.words);
      (async () => {
        for (let i = 0; i < ${terminations}; i++) {
          const worker = new Worker(body, { eval: true, workerData });
          await once(worker, "message");
          if (i % 4 > 0) await once(worker, "message");
          await new Promise((resolve) => setTimeout(resolve, i % 8));
          await worker.terminate();
        }
        console.log("alive");
      })();
    `;
    const { stdout, stderr, signal } = spawnSync(process.execPath, ["-e", main], { encoding: "utf8" });
    expect({ stdout, stderr, signal }).toEqual({ stdout: "alive\n", stderr: "", signal: null });
  });
});
