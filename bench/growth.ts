/**
 * How cost grows: one table for each thing that can grow (bench/README.md, "Growth").
 *
 * Arguments are names of tables, to run only those.
 *
 * @module
 */

import { bytesTable } from "./growth/bytes.ts";
import { connectionsTable } from "./growth/connections.ts";
import { graphTable } from "./growth/graph.ts";
import { referencesTable } from "./growth/references.ts";
import { sizesTable } from "./growth/sizes.ts";
import { trafficTable } from "./growth/traffic.ts";

const TABLES: Record<string, () => Promise<string>> = {
  bytes: bytesTable,
  sizes: sizesTable,
  graph: graphTable,
  references: referencesTable,
  connections: connectionsTable,
  traffic: trafficTable,
};

const names = Deno.args.length === 0 ? Object.keys(TABLES) : Deno.args;
for (const name of names) {
  const table = TABLES[name];
  if (table === undefined) {
    console.error(`Cannot measure "${name}": there are ${Object.keys(TABLES).join(", ")}`);
    Deno.exit(1);
  }
  console.log(`${await table()}\n`);
}
// Servers and connections that were only measured need no clean shutdown.
Deno.exit();
