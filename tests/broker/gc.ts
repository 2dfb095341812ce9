/** Forces garbage collection, for tests of what happens when nobody refers to an object any more. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects garbage now; what is to be told of it is told in a turn of its own. */
const collect: () => void = runInNewContext("gc");

/** Collects garbage and lets the program hear of it, until something has happened; twenty times at most. */
export async function collectUntil(happened: () => boolean): Promise<boolean> {
  for (let left = 20; left !== 0; left--) {
    if (happened()) return true;
    collect();
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  return happened();
}

/** Collects garbage often enough for all to be told of it. */
export async function collectGarbage(): Promise<void> {
  let left = 3;
  await collectUntil(() => left-- === 0);
}
