let forced: boolean | null = null;

/** The mode that all modules are in for the moment, whatever each one's own is; null: its own. */
export const forcedMode = (): boolean | null => forced;

/**
 * Runs `body`, which must be synchronous, with all modules in training or evaluation mode. Modes only
 * matter while a program is compiled or chosen, so evaluation and prediction may go on while a training
 * runs on the engine's own thread. What is compiled inside must always be called in the same mode.
 */
export function inMode<T>(training: boolean, body: () => T): T {
  const before = forced;
  forced = training;
  try {
    return body();
  } finally {
    forced = before;
  }
}
