/** Plays the floor in the peer benchmark (bench/README.md). */

import { floor } from "./floor.ts";
import { play } from "./harness.ts";

await play(floor);
