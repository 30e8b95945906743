/** `npm start`: trains on digits, MNIST or a table from the command line. */

import { join } from "node:path";
import { NablaError } from "../errors.js";
import { digitsTask, mnistTask } from "./images.js";
import { type CliOptions, parseOptions, UsageError, usage } from "./options.js";
import { run, type Task } from "./run.js";
import { tableTask } from "./table.js";

function taskOf(options: CliOptions): Promise<Task> {
  if (options.data === "digits") return digitsTask(options);
  return options.data === "mnist" ? mnistTask(options) : tableTask(options);
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options.help) process.stdout.write(usage);
    else {
      const task = await taskOf(options);
      await run(task, options.out ?? join("runs", task.name));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const known = error instanceof UsageError || error instanceof NablaError || "code" in error;
    process.stderr.write(`nabla: ${known ? error.message : (error.stack ?? error.message)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
