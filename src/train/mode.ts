import type { Module } from "../nn/module.js";

/**
 * Runs `body` with all modules in training or evaluation mode and puts every module back after it. Only
 * what compiles or starts a program needs a mode, so nobody else sees it changed: evaluation and
 * prediction may go on while a training runs.
 */
export function inMode<T>(model: Module, training: boolean, body: () => T): T {
  const modules = model.namedModules().map(([, module]) => module);
  const before = modules.map((module) => module.training);
  if (before.every((mode) => mode === training)) return body();
  model.train(training);
  try {
    return body();
  } finally {
    // Outer modules come first, so that inner ones have the last word.
    if (before.every((mode) => mode === before[0])) model.train(before[0]);
    else modules.forEach((module, i) => module.train(before[i]));
  }
}
