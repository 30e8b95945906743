// nabla's side of `npm run bench:compare`: the workloads of bench/workloads.mjs in a process of their own.

import { readFileSync } from "node:fs";
import { info, setThreads } from "../../dist/esm/index.js";
import { makeWorkload, workloads } from "../workloads.mjs";
import { serve } from "./protocol.mjs";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

serve(({ workload, threads }) => {
  if (workloads[workload] === undefined) return { unable: "not written for nabla" };
  setThreads(threads);
  const { step, stepsPerCall } = makeWorkload(workload);
  return { peer: "nabla", version, note: info().isa, step, stepsPerCall };
});
