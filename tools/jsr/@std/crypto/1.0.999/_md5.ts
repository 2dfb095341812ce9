/** The constants of RFC 1321: the sines of whole numbers. */
const SINES = Uint32Array.from({ length: 64 }, (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32);

/** By how many bits each step of the four rounds rotates; each row repeats. */
const TURNS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]] as const;

/** MD5 where there is no `node:crypto`, as in browsers (RFC 1321). */
export class MD5 {
  readonly #pieces: Uint8Array[] = [];

  /** Adds more bytes. */
  update(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
  }

  /** Returns the digest of all bytes. */
  digest(): Uint8Array<ArrayBuffer> {
    const length = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    const padded = new Uint8Array((Math.floor((length + 8) / 64) + 1) * 64);
    let at = 0;
    for (const piece of this.#pieces) {
      padded.set(piece, at);
      at += piece.length;
    }
    padded[at] = 0x80;
    const view = new DataView(padded.buffer);
    view.setBigUint64(padded.length - 8, BigInt(length) * 8n, true);
    const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
    for (let block = 0; block < padded.length; block += 64) mix(state, view, block);
    const digest = new DataView(new ArrayBuffer(16));
    state.forEach((word, index) => digest.setUint32(index * 4, word, true));
    return new Uint8Array(digest.buffer);
  }
}

function mix(state: Uint32Array, view: DataView, block: number): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const [mixed, word] = round === 0
      ? [(b & c) | (~b & d), i]
      : round === 1
      ? [(d & b) | (~d & c), (5 * i + 1) % 16]
      : round === 2
      ? [b ^ c ^ d, (3 * i + 5) % 16]
      : [c ^ (b | ~d), (7 * i) % 16];
    const sum = a + mixed + SINES[i]! + view.getUint32(block + word * 4, true) | 0;
    const turn = TURNS[round]![i % 4]!;
    [a, d, c, b] = [d, c, b, b + ((sum << turn) | (sum >>> (32 - turn))) | 0];
  }
  [a, b, c, d].forEach((word, index) => state[index]! += word);
}
