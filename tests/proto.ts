/**
 * Gives all objects the property `__proto__` that they have in browsers and in Node, so that tests
 * notice if what a peer sends reaches a prototype; Deno has taken it away.
 */
Object.defineProperty(Object.prototype, "__proto__", {
  configurable: true,
  get(): unknown {
    return Object.getPrototypeOf(this);
  },
  set(value: unknown): void {
    if (typeof value === "object" || typeof value === "function") {
      Object.setPrototypeOf(this, value);
    }
  },
});
