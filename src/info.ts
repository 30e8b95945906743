/** What the engine runs on. */

import { checkInteger } from "./errors.js";
import { addon, type EngineInfo } from "./native/addon.js";

/** Version, instruction sets, threads and cache sizes (bytes) of this process. */
export const info = (): EngineInfo => addon.info();

/**
 * Native threads for programs that run in the foreground, at most: work that is too small for them, and brief
 * steps that were measured to take no longer alone, have fewer. Results do not depend on it.
 */
export function setThreads(threads: number): void {
  checkInteger(threads, "threads", { min: 1, max: 1024 });
  addon.setThreads(threads);
}
