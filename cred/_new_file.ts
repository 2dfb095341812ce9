/**
 * The file of a database that SQLite is about to open.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";

/** A file as SQLite takes it in a URL: path and query. */
const FILE_URL = /^file:(?:\/\/(?:localhost)?(?=\/))?([^?#]*)(?:\?([^#]*))?/;

/**
 * Makes a file that only this program's user can read, where SQLite would make one that others can read
 * too. One that is there stays as it is, and keeps its rights.
 *
 * @param database What SQLite is to open: a file, a `file:` URL, or the name of no file, such as
 * `":memory:"`.
 */
export function makeNewFile(database: string | URL): void {
  try {
    const path = newFile(String(database));
    if (path !== undefined) closeSync(openSync(path, "wx", 0o600));
  } catch {
    // It is there, or nobody can make it: SQLite says so when it opens it.
  }
}

/** Gives the path of the file that SQLite makes if it is not there, or `undefined` if it makes none. */
function newFile(database: string): string | undefined {
  const [isUrl, encoded = "", query] = FILE_URL.exec(database) ?? [];
  const path = isUrl === undefined ? database : decodeURIComponent(encoded);
  if (path === "" || path === ":memory:") return undefined;
  // Every other mode is for what is there already, or for no file.
  const mode = new URLSearchParams(query).get("mode") ?? "rwc";
  return mode === "rwc" ? path : undefined;
}
