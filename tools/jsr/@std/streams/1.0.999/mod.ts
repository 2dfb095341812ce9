/**
 * Stand-in for the functions of `@std/streams` that this project uses.
 *
 * @module
 */

export * from "./limited_bytes_transform_stream.ts";
export * from "./to_bytes.ts";
