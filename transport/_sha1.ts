/**
 * SHA-1, which the handshake of WebSocket uses to tell that its peer understands it.
 *
 * Not by WebCrypto: that is asynchronous, and takes longer than all the rest of a handshake.
 *
 * @module
 */

const START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0] as const;

/** The digest of some bytes, 20 bytes long. */
export function sha1(bytes: Uint8Array): Uint8Array {
  const state = Int32Array.from(START);
  // Words, put together byte by byte: views on a buffer of their own take longer than all the rest.
  const padded = new Array<number>((bytes.length + 8 >> 6) * 16 + 16).fill(0);
  for (let i = 0; i < bytes.length; i++) padded[i >> 2]! |= bytes[i]! << 24 - 8 * (i & 3);
  padded[bytes.length >> 2]! |= 0x80 << 24 - 8 * (bytes.length & 3);
  padded[padded.length - 1] = bytes.length * 8;
  for (let at = 0; at < padded.length; at += 16) addBlock(state, padded, at);
  const digest = new Uint8Array(20);
  for (let i = 0; i < digest.length; i++) digest[i] = state[i >> 2]! >>> 24 - 8 * (i & 3);
  return digest;
}

/** Works a block of 16 words into the state. */
function addBlock(state: Int32Array, padded: readonly number[], at: number): void {
  const words = padded.slice(at, at + 16);
  for (let i = 16; i < 80; i++) {
    words.push(turn(words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!, 1));
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!;
  for (let i = 0; i < 80; i++) {
    const mix = i < 20
      ? (b & c | ~b & d) + 0x5a827999
      : i < 40
      ? (b ^ c ^ d) + 0x6ed9eba1
      : i < 60
      ? (b & c | b & d | c & d) + 0x8f1bbcdc
      : (b ^ c ^ d) + 0xca62c1d6;
    const next = turn(a, 5) + mix + e + words[i]! | 0;
    e = d;
    d = c;
    c = turn(b, 30);
    b = a;
    a = next;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
}

/** The bits of a word, turned to the left. */
function turn(word: number, bits: number): number {
  return word << bits | word >>> (32 - bits);
}
