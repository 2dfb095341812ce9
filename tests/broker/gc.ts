/**
 * Forces garbage collection, for tests of what happens when nothing refers to an object any more.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects garbage now; finalizers are called in a later turn. */
const collect: () => void = runInNewContext("gc");

/** Collects garbage and lets finalizers run until something has happened, at most twenty times. */
export async function collectUntil(happened: () => boolean): Promise<boolean> {
  for (let left = 20; left !== 0; left--) {
    if (happened()) return true;
    collect();
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  return happened();
}

/** Collects garbage often enough for all finalizers to run. */
export async function collectGarbage(): Promise<void> {
  let left = 3;
  await collectUntil(() => left-- === 0);
}
