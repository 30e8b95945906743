// One child process: one peer, one workload, one number of threads. Both sides speak in lines.
//   driver  {"workload", "threads", "blockMs"}
//   child   {"peer", "version", "note"} once warmed up, or {"unable": why}
//   driver  block            child  milliseconds a step, over about blockMs
//   driver  end              child  peak of resident memory in bytes; it exits
// Between its turns a child is suspended: workers of some libraries spin for 200 ms after the last work they
// had, and would take a core from whoever is measured next.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starting includes compiling the network, which takes some peers a minute. */
const START_MS = 300_000;
const BLOCK_MS = 60_000;

/** Variables by which libraries are set: what the caller has set for something else changes no comparison. */
const OF_LIBRARIES =
  /^(OPENBLAS|GOTO|BLIS|MKL|OMP|KMP|GOMP|DNNL|ONEDNN|ATEN|TORCH\w*|PYTORCH|XLA|JAX|TF|ORT|MALLOC)_|^NPROC$/;

/** The caller's environment without those, and with these. */
export function childEnvironment(variables) {
  const inherited = Object.entries(process.env).filter(([name]) => !OF_LIBRARIES.test(name));
  return { ...Object.fromEntries(inherited), ...variables };
}

/** The children that run; whatever ends the driver ends them. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

/** The reason a child gave for its end: the last line that speaks of an error, else the last. */
function reasonIn(text) {
  const lines = text.trim().split("\n");
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1)).trim().slice(0, 300);
}

/** Starts a child and speaks its protocol; every answer has its time limit. */
export async function startSession({ command, args = [], environment = {} }, request) {
  const child = spawn(command, args, {
    env: childEnvironment(environment),
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  let complaints = "";
  let failure;
  child.stderr.setEncoding("utf8").on("data", (text) => {
    complaints = (complaints + text).slice(-4000);
  });
  child.on("error", (error) => {
    failure = error.message;
  });
  child.on("exit", (_, signal) => {
    if (signal !== null) failure ??= `ended by ${signal}`;
  });
  child.on("close", () => running.delete(child));
  child.stdin.on("error", () => {}); // it has ended: the answer that does not come says so
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function ask(line, limit) {
    child.stdin.write(`${line}\n`);
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, limit, { late: true });
    });
    const answer = await Promise.race([lines.next(), late]);
    clearTimeout(timer);
    if (answer.late) throw new Error(`no answer in ${limit / 1000} s`);
    if (answer.done) throw new Error(failure ?? (reasonIn(complaints) || "it ended without a word"));
    return JSON.parse(answer.value);
  }
  const stop = () => child.kill("SIGKILL");
  const suspend = () => process.platform === "win32" || child.kill("SIGSTOP");
  const resume = () => process.platform === "win32" || child.kill("SIGCONT");

  try {
    const about = await ask(JSON.stringify(request), START_MS);
    if (about.unable !== undefined) throw new Error(about.unable);
    suspend();
    return {
      about,
      stop,
      async block() {
        resume();
        const ms = await ask("block", BLOCK_MS);
        suspend();
        return ms;
      },
      /** Peak of resident memory in bytes. */
      async end() {
        resume();
        const bytes = await ask("end", BLOCK_MS);
        child.stdin.end();
        return bytes;
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}
