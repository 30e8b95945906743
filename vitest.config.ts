import { defineConfig } from "vitest/config";

export default defineConfig({
  // .cts too: the loader of the native binary and the package's root are CommonJS by need.
  oxc: { include: /\.[cm]?tsx?$/ },
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["scripts/generate-kernels.mjs"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
  },
});
