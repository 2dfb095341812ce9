/**
 * Reads certificates.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import type { PeerCertificate } from "../base/transport.ts";

/** Returns the certificate that the peer presented, if any, whether trusted or not. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const shown = socket.getPeerCertificate();
  if (shown?.raw === undefined) return undefined;
  const subject = attributes(shown.subject);
  const names = subject.get("CN") ?? [];
  const der = new Uint8Array(shown.raw);
  return {
    commonName: names.length === 1 ? names[0] : undefined,
    subject,
    issuer: attributes(shown.issuer),
    alternativeNames: alternativeNames(der),
    fingerprint: shown.fingerprint256,
    serialNumber: shown.serialNumber,
    der,
  };
}

function attributes(name: object): ReadonlyMap<string, readonly string[]> {
  const entries = Object.entries(name) as [string, string | string[]][];
  return new Map(entries.map(([key, value]) => [key, [value].flat()]));
}

/** One element of DER: its tag and its contents. */
interface Element {
  readonly tag: number;
  readonly contents: Uint8Array;
}

const SUBJECT_ALT_NAME = "85,29,17"; // 2.5.29.17
const EXTENSIONS = 0xa3;
const OCTET_STRING = 0x04;

/**
 * Reads the alternative names from the certificate itself: `node:tls` returns them as one string,
 * in which a comma inside a name cannot be told from one between two names.
 */
export function alternativeNames(der: Uint8Array): string[] {
  const [certificate] = elements(der);
  const [toBeSigned] = elements(certificate?.contents);
  const tagged = elements(toBeSigned?.contents).find(({ tag }) => tag === EXTENSIONS);
  const [extensions] = elements(tagged?.contents);
  for (const extension of elements(extensions?.contents)) {
    const parts = elements(extension.contents);
    if (parts[0]?.contents.join() !== SUBJECT_ALT_NAME) continue;
    const value = parts.find(({ tag }) => tag === OCTET_STRING);
    const [names] = elements(value?.contents);
    return elements(names?.contents).flatMap(generalName);
  }
  return [];
}

function generalName({ tag, contents }: Element): string[] {
  const text = () => String.fromCharCode(...contents);
  switch (tag) {
    case 0x81:
      return [`email:${text()}`];
    case 0x82:
      return [`DNS:${text()}`];
    case 0x86:
      return [`URI:${text()}`];
    case 0x87:
      if (contents.length !== 4 && contents.length !== 16) return [];
      return [`IP:${ipAddress(contents)}`];
    default:
      return [];
  }
}

function ipAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!));
  return new URL(`http://[${groups.map((g) => g.toString(16)).join(":")}]`).hostname.slice(1, -1);
}

/** Returns the elements in order, except one that is cut short. */
function elements(bytes: Uint8Array = new Uint8Array()): Element[] {
  const found: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const tag = bytes[at]!;
    let length = bytes[at + 1]!;
    at += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count > 4) break;
      length = bytes.subarray(at, at + count).reduce((sum, byte) => sum * 256 + byte, 0);
      at += count;
    }
    if (at + length > bytes.length) break;
    found.push({ tag, contents: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}
