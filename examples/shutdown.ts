/**
 * Ending in good order, for examples that serve.
 *
 * @module
 */

/** What can be closed in good order: a server, a factory, a session. */
export interface Closable {
  /** Closes it; calls under way get so many milliseconds to be finished. */
  close(options: { graceful: number }): Promise<void>;
}

/** What asks a process to end: Ctrl-C, and the `kill` of systemd, Docker, Kubernetes and Deno Deploy. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/**
 * Has a process end in good order when it is asked to: no new calls, those under way are finished,
 * clients are told; all within 5 seconds. Who asks a second time does not want to wait.
 *
 * @param services What to close.
 * @param graceful Milliseconds for calls under way.
 */
export function closeOnSignals(services: readonly Closable[], graceful = 2000): void {
  let isAsked = false;
  const close = async () => {
    const time = isAsked ? 0 : graceful;
    isAsked = true;
    await Promise.all(services.map((service) => service.close({ graceful: time })));
    console.log("Closed");
    Deno.exit();
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, close);
}
