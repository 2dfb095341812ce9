/**
 * Clean shutdown, for examples that serve.
 *
 * @module
 */

/** What can be shut down cleanly: a server, a factory, a session. */
export interface Closable {
  /** Closes it; calls under way get `graceful` milliseconds to finish. */
  close(options: { graceful: number }): Promise<void>;
}

/** Signals that ask a process to end: by Ctrl-C, systemd, Docker, Kubernetes and Deno Deploy. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/**
 * Shuts the process down cleanly when it is asked to end: new calls are refused, those under way
 * are finished, clients are told; all within 5 seconds. A second signal does not wait.
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
