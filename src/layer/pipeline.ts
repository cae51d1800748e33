/** From entries to a layer blob and back: what others need of this folder. */
export { readLayer, verifiedEntries, type ExpectedContent, type LayerReadOptions } from "./read-layer.ts";
export { writeLayer, type LayerWriteOptions, type WrittenLayer } from "./write-layer.ts";
