/**
 * Serializers from npm to compare with: those that are installed, or can be.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** Turns values into bytes and back. */
export interface Serializer {
  /** Its name in the results. */
  readonly name: string;
  /** Turns a value into bytes. */
  encode(value: unknown): Uint8Array;
  /** Turns bytes into a value. */
  decode(bytes: Uint8Array): unknown;
}

const PACKAGES = ["msgpackr@2", "cbor-x@1"];
const FOLDER = new URL("./", import.meta.url);

/** The codec of JSON, with texts as bytes. */
const JSON_BYTES: Serializer = {
  name: "JSON",
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
};

/** Returns the serializers that are available here; prints why the others are not. */
export async function serializers(): Promise<Serializer[]> {
  try {
    return [JSON_BYTES, ...await Promise.all(PACKAGES.map(fromDeno))];
  } catch {
    // Deno wants a package's optional parts for every system, which a closed network may lack.
  }
  try {
    await install();
    return [JSON_BYTES, ...await Promise.all(PACKAGES.map(fromFolder))];
  } catch (error) {
    console.warn(`Cannot compare with ${PACKAGES}: ${error}`);
    return [JSON_BYTES];
  }
}

async function fromDeno(specifier: string): Promise<Serializer> {
  // Not a literal: Deno must not look for the package before the program runs.
  const { encode, decode } = await import(`npm:${specifier}`);
  return { name: nameOf(specifier), encode, decode };
}

async function fromFolder(specifier: string): Promise<Serializer> {
  const name = nameOf(specifier);
  const { encode, decode } = await import(
    new URL(`node_modules/${name}/node-index.js`, FOLDER).href
  );
  return { name, encode, decode };
}

/** Installs the packages beside this file with npm, unless they are there. */
async function install(): Promise<void> {
  const found = await Promise.all(
    PACKAGES.map((specifier) => exists(new URL(`node_modules/${nameOf(specifier)}`, FOLDER))),
  );
  if (found.every(Boolean)) return;
  const { success, stderr } = await new Deno.Command("npm", {
    args: [
      "install",
      "--no-save",
      "--no-package-lock",
      "--prefix",
      fileURLToPath(FOLDER),
      ...PACKAGES,
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

function exists(path: URL): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

function nameOf(specifier: string): string {
  return specifier.slice(0, specifier.lastIndexOf("@"));
}
