/** Files. */
export * from "./safetensors.js";
