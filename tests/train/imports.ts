export * from "../../src/index.js";
export { Random } from "../../src/random.js";
