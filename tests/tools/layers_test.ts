import { assertEquals } from "@std/assert";
import { dirname } from "node:path";
import { layerFaults } from "../../tools/layers.ts";

const GOOD: Record<string, string> = {
  "deno.json":
    '{ "name": "@made/up", "exports": { ".": "./mod.ts", "./jelly": "./jelly/mod.ts" } }',
  "mod.ts": 'export * from "./broker/mod.ts";\n',
  "jelly/mod.ts": '// Deno\nexport type { A } from "./a.ts";\nexport { a, b } from "./a.ts";\n',
  "jelly/a.ts": '/** Not Deno. */\nexport type A = 1;\nexport const a = "x", b = 2; // Deno\n',
  "cred/file_password_db.ts": 'import "node:crypto";\nexport const read = Deno.readFile;\n',
  "transport/tcp.ts": "export const { connect } = Deno;\n",
  "broker/mod.ts": 'export * as all from "./broker.ts";\n',
  "broker/broker.ts":
    'import { a } from "../jelly/mod.ts";\nimport { b } from "@made/up/jelly";\n' +
    'import type { Peer } from "./peer.ts";\nexport const c: Peer = a + b;\n',
  "broker/peer.ts": 'import { c } from "./broker.ts";\nexport type Peer = typeof c | string;\n',
  "broker/deep/file_pager.ts": "export const open = Deno.open;\n",
  "tests/any_test.ts": 'import "../broker/broker.ts";\nDeno.test("x", () => {});\n',
};

/** Returns the faults of the good tree when some of its files are replaced. */
async function faultsOf(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries({ ...GOOD, ...files })) {
      await Deno.mkdir(dirname(`${root}/${path}`), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    return await layerFaults(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const CASES: { name: string; files: Record<string, string>; faults: string[] }[] = [
  { name: "accepts a tree without faults", files: {}, faults: [] },
  {
    name: "reports an import from a higher layer",
    files: { "jelly/up.ts": '\nimport { c } from "../broker/broker.ts";\nexport default c;\n' },
    faults: ["jelly/up.ts:2 imports broker/broker.ts: jelly/ may import from jelly only"],
  },
  {
    name: "reports an import of types from a higher layer",
    files: { "cred/up.ts": 'export type { A } from "../jelly/a.ts";\n' },
    faults: ["cred/up.ts:1 imports jelly/a.ts: cred/ may import from cred only"],
  },
  {
    name: "reports an import by the package's own name",
    files: { "transport/up.ts": 'import "@made/up/jelly";\n' },
    faults: ["transport/up.ts:1 imports jelly/mod.ts: transport/ may import from transport only"],
  },
  {
    name: "reports an import from further up in a folder, of values and of types",
    files: {
      "broker/link/link.ts": 'import { c } from "../connection/life.ts";\nexport default c;\n',
      "broker/connection/life.ts": 'import "../link/faults.ts";\nexport const c = 1;\n',
      "broker/link/faults.ts": 'export type { D } from "../../broker/broker.ts";\n',
    },
    faults: [
      "broker/link/faults.ts:1 imports broker/broker.ts: that is further up in broker/",
      "broker/link/link.ts:1 imports broker/connection/life.ts: that is further up in broker/",
    ],
  },
  {
    name: "accepts an import of the Broker's type from anywhere in its folder, but not of its code",
    files: {
      "broker/connection/broker.ts": "export class Broker {}\n",
      "broker/calls/a.ts":
        'import type { Broker } from "../connection/broker.ts";\nexport type B = Broker;\n',
      "broker/calls/b.ts":
        'import { Broker } from "../connection/broker.ts";\nexport default Broker;\n',
    },
    faults: [
      "broker/calls/b.ts:1 imports broker/connection/broker.ts: that is further up in broker/",
    ],
  },
  {
    name: "reports an import of a file that is not published",
    files: { "broker/odd.ts": 'import "../tests/any_test.ts";\n' },
    faults: [
      "broker/odd.ts:1 imports tests/any_test.ts: " +
      "broker/ may import from broker, jelly, cred, transport only",
    ],
  },
  {
    name: "reports node: and packages in the wrong folder",
    files: { "jelly/node.ts": 'import "node:fs";\n', "broker/node.ts": 'import "node:net";\n' },
    faults: [
      "broker/node.ts:1 imports node:net: not a package for broker/",
      "jelly/node.ts:1 imports node:fs: not a package for jelly/",
    ],
  },
  {
    name: "reports uses of Deno in the wrong file",
    files: {
      "broker/native.ts": "\n\nexport const version = Deno.version;\n",
      "cred/native.ts": "export const { env } = Deno;\n",
    },
    faults: [
      "broker/native.ts:3 uses Deno: files and sockets are handled elsewhere",
      "cred/native.ts:1 uses Deno: files and sockets are handled elsewhere",
    ],
  },
  {
    name: "reports a mod.ts that does more than re-export",
    files: { "jelly/mod.ts": 'export { a } from "./a.ts";\nexport const table = new Map();\n' },
    faults: ["jelly/mod.ts does more than re-export: export const table = new Map();"],
  },
  {
    name: "reports a cycle",
    files: {
      "jelly/b.ts": 'import "./c.ts";\n',
      "jelly/c.ts": 'import "./b.ts";\n',
    },
    faults: ["cycle: jelly/b.ts -> jelly/c.ts -> jelly/b.ts"],
  },
];

for (const { name, files, faults } of CASES) {
  Deno.test(`layerFaults() ${name}`, async () => {
    assertEquals(await faultsOf(files), faults);
  });
}
