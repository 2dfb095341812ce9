/**
 * Formats hosts as they appear in URLs and headers.
 *
 * @module
 */

/** Returns a host name or IP address, with brackets around an IPv6 address. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** Returns host and port as in a URL. */
export function hostAndPort(hostname: string, port: number): string {
  return `${bracketed(hostname)}:${port}`;
}
