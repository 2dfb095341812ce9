/**
 * Keeps the layers apart: `deno task layers`.
 *
 * Imports only point down, between folders and within them; `Deno` and `node:` are used only where
 * bytes and files are handled; a `mod.ts` only re-exports. `deno info --json` says what each file
 * imports.
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";

/** What the files of a folder may use. */
interface Layer {
  /** Folders that they may import from, besides their own. */
  below: string[];
  /**
   * The folders in it, from the bottom up: each may import from those before it, and a file that is
   * in none of them may import from all.
   */
  floors?: string[];
  /** The file whose types all of its folders may import, wherever it stands. */
  center?: string;
  /** Packages that they may import. */
  packages: RegExp;
  /** The files among them that may mention `Deno`. */
  native: RegExp;
}

const NONE = /^$/;

/** The layers, by their folders; `.` is the package's own `mod.ts`. */
const LAYERS: Record<string, Layer> = {
  jelly: { below: [], floors: ["values", "banana"], packages: NONE, native: NONE },
  cred: {
    below: [],
    packages: /^(@std\/crypto|node:)/,
    native: /\/_?(file|sqlite)_[^/]*$/,
  },
  transport: {
    below: [],
    floors: ["base", "local", "stream", "websocket"],
    packages: /^(@std\/streams|node:)/,
    native: /./,
  },
  broker: {
    below: ["jelly", "cred", "transport"],
    floors: [
      "async",
      "errors",
      "log",
      "link",
      "flavors",
      "calls",
      "tables",
      "login",
      "connection",
      "live",
      "paging",
      "endpoints",
    ],
    center: "broker/connection/broker.ts",
    packages: /^@std\/streams/,
    native: /\/(file|directory)_[^/]*$/,
  },
  ".": { below: ["jelly", "cred", "transport", "broker"], packages: NONE, native: NONE },
};

/** The part of the output of `deno info --json` that is used here. */
interface Info {
  modules: { specifier: string; error?: string; dependencies?: Dependency[] }[];
}

interface Dependency {
  /** The specifier as written. */
  specifier: string;
  /** What it resolves to, if values are imported. */
  code?: Resolution;
  /** What it resolves to, if types are imported. */
  type?: Resolution;
}

interface Resolution {
  specifier?: string;
  error?: string;
  span?: { start: { line: number; character: number } };
}

/** One source file of the package. */
interface Source {
  /** Its path from the root, with slashes. */
  path: string;
  /** Its folder's name in {@linkcode LAYERS}. */
  layer: string;
  text: string;
  imports: Import[];
}

interface Import {
  /** A path from the root if it is one of our files; the specifier if it is not. */
  target: string;
  own: boolean;
  typeOnly: boolean;
  line: number;
}

/**
 * Finds violations of the rules in a source tree.
 *
 * @param root Folder with the `deno.json`.
 * @returns One line for each violation, in the order of the files.
 */
export async function layerFaults(root: string): Promise<string[]> {
  const sources = await readSources(root);
  return [
    ...sources.flatMap((source) => [
      ...importFaults(source),
      ...floorFaults(source),
      ...nativeFaults(source),
      ...modFaults(source),
    ]),
    ...cycleFaults(sources),
  ];
}

function importFaults({ path, layer, imports }: Source): string[] {
  const { below, packages } = LAYERS[layer]!;
  const allowed = [layer, ...below];
  const name = layer === "." ? "the root" : `${layer}/`;
  return imports.flatMap(({ target, own, line }) => {
    const where = `${path}:${line} imports ${target}`;
    if (!own) return packages.test(target) ? [] : [`${where}: not a package for ${name}`];
    if (allowed.includes(layerOf(target) ?? "")) return [];
    return [`${where}: ${name} may import from ${allowed.join(", ")} only`];
  });
}

/** Finds imports from folders further up in the same layer. */
function floorFaults({ path, layer, imports }: Source): string[] {
  const { floors, center } = LAYERS[layer]!;
  if (floors === undefined) return [];
  const own = floorOf(path, floors);
  return imports.flatMap(({ target, typeOnly, line }) => {
    if (layerOf(target) !== layer || floorOf(target, floors) <= own) return [];
    if (typeOnly && target === center) return [];
    return [`${path}:${line} imports ${target}: that is further up in ${layer}/`];
  });
}

/** Returns how far up a file is in its layer. */
function floorOf(path: string, floors: string[]): number {
  const floor = floors.indexOf(path.split("/")[1]!);
  return floor === -1 ? floors.length : floor;
}

function nativeFaults({ path, layer, text }: Source): string[] {
  if (LAYERS[layer]!.native.test(`/${path}`)) return [];
  return withoutComments(text).split("\n").flatMap((line, index) =>
    /\bDeno\s*[.[]|=\s*Deno\b/.test(line)
      ? [`${path}:${index + 1} uses Deno: files and sockets are handled elsewhere`]
      : []
  );
}

function modFaults({ path, text }: Source): string[] {
  if (path.split("/").at(-1) !== "mod.ts") return [];
  const rest = withoutComments(text)
    .replace(/\bexport\s+(type\s+)?(\*(\s+as\s+\w+)?|\{[^}]*\})\s+from\s+"[^"]*";/g, "")
    .trim();
  return rest === "" ? [] : [`${path} does more than re-export: ${rest.split("\n")[0]}`];
}

/** Finds cycles of imports; imports of types alone are harmless. */
function cycleFaults(sources: Source[]): string[] {
  const graph = new Map(sources.map(({ path, imports }) => [
    path,
    imports.filter(({ own, typeOnly }) => own && !typeOnly).map(({ target }) => target),
  ]));
  const done = new Set<string>();
  const faults: string[] = [];
  const visit = (path: string, trail: string[]) => {
    if (trail.includes(path)) {
      faults.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return faults;
}

/** Returns the folder in {@linkcode LAYERS} that a path belongs to; `undefined` if to none. */
function layerOf(path: string): string | undefined {
  const [folder, ...rest] = path.split("/");
  if (rest.length === 0) return path === "mod.ts" ? "." : undefined;
  return folder! in LAYERS ? folder : undefined;
}

/** Blanks comments, but keeps the lines where they are. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[^:"'`\\])\/\/.*$/gm, "$1");
}

async function readSources(root: string): Promise<Source[]> {
  const base = pathToFileURL(`${root}/`).href;
  const paths: string[] = [];
  for (const folder of Object.keys(LAYERS)) await collect(root, folder, paths);
  paths.sort();
  const info = await denoInfo(root, paths.map((path) => new URL(path, base).href));
  const modules = new Map(info.modules.map((module) => [module.specifier, module]));
  return Promise.all(paths.map(async (path) => {
    const { error, dependencies = [] } = modules.get(new URL(path, base).href) ?? {};
    if (error) throw new Error(`Cannot read "${path}": ${error}`);
    return {
      path,
      layer: layerOf(path)!,
      text: await Deno.readTextFile(`${root}/${path}`),
      imports: dependencies.map((dependency) => importOf(dependency, base)),
    };
  }));
}

function importOf({ specifier, code, type }: Dependency, base: string): Import {
  const { specifier: resolved, span } = { ...type, ...code };
  const own = resolved?.startsWith(base) === true && !resolved.includes("/tools/jsr/");
  return {
    target: own ? fileURLToPath(resolved).slice(fileURLToPath(base).length) : specifier,
    own,
    typeOnly: code === undefined,
    line: (span?.start.line ?? 0) + 1,
  };
}

async function collect(root: string, folder: string, paths: string[]): Promise<void> {
  try {
    for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
      const path = folder === "." ? name : `${folder}/${name}`;
      if (isDirectory && folder !== ".") await collect(root, path, paths);
      else if (name.endsWith(".ts") && layerOf(path)) paths.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Asks deno what some modules import, all at once by means of a file that imports them. */
async function denoInfo(root: string, modules: string[]): Promise<Info> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      entry,
      modules.map((module) => `import ${JSON.stringify(module)};\n`).join(""),
    );
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", `${root}/deno.json`, entry],
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(entry);
  }
}

if (import.meta.main) {
  const faults = await layerFaults(fileURLToPath(new URL("..", import.meta.url)).slice(0, -1));
  for (const fault of faults) console.error(fault);
  console.log(faults.length === 0 ? "The layers are in order" : `${faults.length} faults`);
  if (faults.length > 0) Deno.exit(1);
}
