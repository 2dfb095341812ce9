/**
 * Hosts as they stand in URLs and headers.
 *
 * @module
 */

/** A host name or an IP address; one of IPv6 in brackets. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** Host and port as one reads them in a URL. */
export function hostAndPort(hostname: string, port: number): string {
  return `${bracketed(hostname)}:${port}`;
}
