// Where this project is, and the peers beside which it is measured: a folder of their own, .peers (or
// NABLA_PEERS), which git ignores and anybody may throw away.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const peersFolder = process.env.NABLA_PEERS ?? join(root, ".peers");
