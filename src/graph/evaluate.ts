/**
 * Computing values that somebody looks at: their pending graph becomes a program, programs are kept
 * by structure, so that a loop that repeats itself compiles once. Results are immutable storages.
 */

import { bytesPerElement } from "../dtype.js";
import { sizeOf } from "../shape.js";
import { type Leaves, Lowering } from "./lower.js";
import { denseOperand, type OperandRef, Region } from "./operand.js";
import { Program } from "./program.js";
import { Storage } from "./storage.js";
import { setRecordedHook } from "./trace.js";
import { type Node, pendingNodes, type Value } from "./value.js";

/** A longer chain of pending operations is computed at once: `total = total.add(x)` stays flat. */
const MAX_DEPTH = 128;
const MAX_PROGRAMS = 256;
/** A kept program holds its arena and its last results; larger ones are made again. */
const MAX_KEPT_BYTES = 16 * 2 ** 20;

/** A program of one structure, with the instances of it that are not running. */
interface CacheEntry {
  readonly idle: Program[];
}

const cache = new Map<string, CacheEntry>();

/** One evaluation: what to compute, and how leaves are numbered in the program. */
class Job {
  readonly nodes: Node[];
  readonly slots: Storage[] = [];
  readonly constants: number[] = [];
  private readonly slotOf = new Map<Storage, number>();
  private readonly constantOf = new Map<Value, number>();
  readonly key: string;

  constructor(readonly results: readonly Value[]) {
    this.nodes = pendingNodes(results);
    this.key = this.describe();
  }

  /** The structure: everything that decides what the program is, and nothing else. */
  private describe(): string {
    const numbers = new Map<Value, string>();
    const parts: string[] = [];
    let count = 0;
    const name = (value: Value): string => {
      let known = numbers.get(value);
      if (known === undefined) {
        known = this.describeLeaf(value);
        numbers.set(value, known);
      }
      return known;
    };
    for (const node of this.nodes) {
      parts.push(`${node.op.name}${attributesKey(node.attributes)}(${node.inputs.map(name).join()})`);
      for (const output of node.outputs)
        numbers.set(output, `%${count++}:${output.dtype}[${output.shape.join()}]`);
    }
    return `${parts.join(";")}=>${this.results.map(name).join()}`;
  }

  private describeLeaf(value: Value): string {
    const type = `${value.dtype}[${value.shape.join()}]`;
    if (value.slice === null) {
      const index = this.constants.push(value.constant!) - 1;
      this.constantOf.set(value, index);
      return `c${index}:${type}`;
    }
    const { storage, byteOffset } = value.slice;
    let slot = this.slotOf.get(storage);
    if (slot === undefined) {
      slot = this.slots.push(storage);
      this.slotOf.set(storage, slot);
    }
    return `s${slot}+${byteOffset}:${type}/${storage.byteLength}`;
  }

  /** Slots: the leaves' storages, then the constants (float and integer ones), then the results. */
  build(): Program {
    const regions = this.slots.map((storage, i) => new Region(Math.max(storage.byteLength, 8), i + 1));
    const next = (bytes: number) => {
      const region = new Region(Math.max(bytes, 8), regions.length + 1);
      regions.push(region);
      return region;
    };
    const constants = next(this.constants.length * 8);
    const leaves: Leaves = {
      stored: (value) =>
        denseOperand(
          regions[this.slotOf.get(value.slice!.storage)! - 1]!,
          value.dtype,
          value.shape,
          value.slice!.byteOffset,
        ),
      input: () => {
        throw new Error("an input of a compiled function has no value outside of it");
      },
      constant: (value) => denseOperand(constants, value.dtype, value.shape, this.constantOf.get(value)! * 8),
    };
    const destinations: OperandRef[] = this.results.map((v) =>
      denseOperand(next(sizeOf(v.shape) * bytesPerElement(v.dtype)), v.dtype, v.shape),
    );
    const lowering = new Lowering(leaves);
    lowering.run(this.nodes, this.results, destinations);
    return new Program({ instructions: lowering.emit.instructions, slots: regions });
  }

  private constantStorage(): Storage {
    const storage = new Storage(this.constants.length * 8);
    for (const [value, index] of this.constantOf)
      storage.array(value.dtype, index * 8, 1)[0] = value.constant!;
    return storage;
  }

  /** Binds leaves and fresh memory for the results; returns that memory. */
  bind(program: Program): Storage[] {
    this.slots.forEach((storage, i) => program.bind(i + 1, storage));
    program.bind(this.slots.length + 1, this.constantStorage());
    return this.results.map((value, i) => {
      const storage = Storage.of(value.dtype, sizeOf(value.shape));
      program.bind(this.slots.length + 2 + i, storage);
      return storage;
    });
  }

  /** The results are leaves from now on; their history stays only where gradients may be asked for. */
  settle(storages: readonly Storage[]): void {
    this.results.forEach((value, i) => {
      value.slice = { storage: storages[i]!, byteOffset: 0 };
      value.depth = 0;
      if (!value.requiresGrad) value.node = null;
    });
  }
}

/** JSON, with the numbers JSON has no word for. */
function attributesKey(attributes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(attributes, (_key, value) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
}

function entryFor(job: Job): CacheEntry {
  let entry = cache.get(job.key);
  if (entry === undefined) {
    entry = { idle: [] };
    if (cache.size >= MAX_PROGRAMS) cache.delete(cache.keys().next().value!);
  } else {
    cache.delete(job.key);
  }
  cache.set(job.key, entry);
  return entry;
}

function keep(entry: CacheEntry, program: Program, results: readonly Storage[]): void {
  const bytes = results.reduce((sum, storage) => sum + storage.byteLength, program.arenaBytes);
  if (bytes <= MAX_KEPT_BYTES) entry.idle.push(program);
}

const pending = (values: readonly Value[]): Value[] => [...new Set(values)].filter((v) => !v.isLeaf);

/** Computes `values` now. */
export function evaluate(values: readonly Value[]): void {
  const wanted = pending(values);
  if (wanted.length === 0) return;
  const job = new Job(wanted);
  const entry = entryFor(job);
  const program = entry.idle.pop() ?? job.build();
  const storages = job.bind(program);
  program.run();
  keep(entry, program, storages);
  job.settle(storages);
}

/** Computes `values` on the engine's own thread; the event loop stays free. */
export async function evaluateAsync(values: readonly Value[]): Promise<void> {
  const wanted = pending(values);
  if (wanted.length === 0) return;
  const job = new Job(wanted);
  const entry = entryFor(job);
  const program = entry.idle.pop() ?? job.build();
  const storages = job.bind(program);
  const done = await program.tryRunAsync(1);
  if (done < 1) throw program.failureError();
  keep(entry, program, storages);
  job.settle(storages);
}

/** Programs compiled for interactive use so far and still kept. */
export const cachedPrograms = (): number => cache.size;

/** The program that computes `values`, without running it: for printing and profiling. */
export function programFor(values: readonly Value[]): Program {
  const job = new Job(pending(values));
  const program = job.build();
  job.bind(program);
  return program;
}

/** Values recorded, not computed yet, that read memory which may change. */
const readers = new WeakMap<Storage, Set<WeakRef<Value>>>();
/** Storages that `readers` has an entry of; storages collected with theirs stay counted. */
let storagesRead = 0;

setRecordedHook((value) => {
  for (const input of value.node!.inputs) {
    const storage = input.slice?.storage;
    if (storage?.mutable !== true) continue;
    let set = readers.get(storage);
    if (set === undefined) {
      set = new Set();
      readers.set(storage, set);
      storagesRead++;
    }
    set.add(new WeakRef(value));
    if (set.size > 1000) settleReaders(storage);
  }
  if (value.depth > MAX_DEPTH) evaluate([value]);
});

/** To be called before `storage` is written: what was recorded before reads what was there before. */
export function settleReaders(storage: Storage): void {
  const set = readers.get(storage);
  if (set === undefined) return;
  readers.delete(storage);
  storagesRead--;
  const alive = [...set].map((ref) => ref.deref()).filter((v) => v !== undefined);
  evaluate(alive);
}

/** `settleReaders` for each storage a program is about to write. */
export function settleReadersOf(storages: readonly Storage[]): void {
  if (storagesRead > 0) for (const storage of storages) settleReaders(storage);
}
