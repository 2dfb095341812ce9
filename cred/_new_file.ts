/**
 * The file of a database that SQLite is about to open.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";

/** A `file:` URL as SQLite accepts it: path and query. */
const FILE_URL = /^file:(?:\/\/(?:localhost)?(?=\/))?([^?#]*)(?:\?([^#]*))?/;

/**
 * Creates a file that only this program's user can read; SQLite would create one that others can
 * read too. An existing file stays as it is, and keeps its permissions.
 *
 * @param database What SQLite will open: a file, a `file:` URL, or a name that stands for no file,
 * such as `":memory:"`.
 */
export function makeNewFile(database: string | URL): void {
  try {
    const path = newFile(String(database));
    if (path !== undefined) closeSync(openSync(path, "wx", 0o600));
  } catch {
    // It exists, or cannot be created; SQLite reports the latter when it opens it.
  }
}

/**
 * Returns the path of the file that SQLite will create if it is missing, or `undefined` if it will
 * create none.
 */
function newFile(database: string): string | undefined {
  const [isUrl, encoded = "", query] = FILE_URL.exec(database) ?? [];
  const path = isUrl === undefined ? database : decodeURIComponent(encoded);
  if (path === "" || path === ":memory:") return undefined;
  // All other modes are for existing files, or for none.
  const mode = new URLSearchParams(query).get("mode") ?? "rwc";
  return mode === "rwc" ? path : undefined;
}
