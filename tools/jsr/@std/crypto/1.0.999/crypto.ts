import { MD5 } from "./_md5.ts";

/** Names of the algorithms: WebCrypto's, and MD5, which it lacks. */
export const DIGEST_ALGORITHM_NAMES = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"] as const;

/** Name of one of the algorithms. */
export type DigestAlgorithmName = typeof DIGEST_ALGORITHM_NAMES[number];

/** An algorithm, as WebCrypto names it. */
export type DigestAlgorithm = DigestAlgorithmName | { name: DigestAlgorithmName };

/** WebCrypto's `subtle`, with a `digest` that knows more algorithms and accepts bytes in pieces. */
export interface StdSubtleCrypto extends SubtleCrypto {
  /** Digests bytes, or pieces of bytes as they arrive. */
  digest(
    algorithm: DigestAlgorithm,
    data: BufferSource | AsyncIterable<BufferSource> | Iterable<BufferSource>,
  ): Promise<ArrayBuffer>;
  /** Digests bytes, or pieces of bytes, at once. */
  digestSync(
    algorithm: DigestAlgorithm,
    data: BufferSource | Iterable<BufferSource>,
  ): ArrayBuffer;
}

/** WebCrypto with a better `subtle.digest`. */
export interface StdCrypto extends Crypto {
  /** WebCrypto's functions on bytes. */
  readonly subtle: StdSubtleCrypto;
}

/** Digests bytes as they arrive. */
interface Hash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array<ArrayBuffer>;
}

/** The part of `node:crypto` that is used. */
interface NodeCrypto {
  createHash(name: string): Hash;
}

/** What is built into Deno and Node, looked up at run time since browsers do not have it. */
interface Runtime {
  process?: { getBuiltinModule?(name: string): NodeCrypto };
}

/** Looked up once, when the first digest is made: each lookup takes longer than a short digest. */
let nodeCrypto: NodeCrypto | undefined;

/** Node's names of the algorithms, by WebCrypto's. */
const NODE_NAMES: ReadonlyMap<string, string> = new Map(
  DIGEST_ALGORITHM_NAMES.map((name) => [name, name.replace("-", "").toLowerCase()]),
);

function hashFor(algorithm: DigestAlgorithm): Hash {
  const name: string = typeof algorithm === "string" ? algorithm : algorithm.name;
  const nodeName = NODE_NAMES.get(name) ?? NODE_NAMES.get(name.toUpperCase());
  if (nodeName === undefined) {
    throw new TypeError(`Cannot digest with "${name}": no such algorithm`);
  }
  nodeCrypto ??= (globalThis as Runtime).process?.getBuiltinModule?.("node:crypto");
  if (nodeCrypto !== undefined) return nodeCrypto.createHash(nodeName);
  if (nodeName === "md5") return new MD5();
  throw new TypeError(`Cannot digest with "${name}": the stand-in has only MD5 here`);
}

function update(hash: Hash, piece: BufferSource): void {
  hash.update(
    ArrayBuffer.isView(piece)
      ? new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
      : new Uint8Array(piece),
  );
}

function finish(hash: Hash): ArrayBuffer {
  const digest = hash.digest();
  // Node's short buffers may share memory.
  if (digest.length === digest.buffer.byteLength) return digest.buffer;
  return new Uint8Array(digest).buffer;
}

function isBufferSource(data: unknown): data is BufferSource {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}

/** WebCrypto's functions, each bound to its object so that it can be called from another one. */
function platformSubtle(): SubtleCrypto {
  const { subtle } = globalThis.crypto;
  // Web pages have it, and randomUUID, only in a secure context.
  if (subtle === undefined) return {} as SubtleCrypto;
  const names = Object.getOwnPropertyNames(SubtleCrypto.prototype) as (keyof SubtleCrypto)[];
  const functions = names
    .filter((name) => typeof subtle[name] === "function")
    .map((name) => [name, (subtle[name] as () => unknown).bind(subtle)]);
  return Object.fromEntries(functions);
}

/** The platform's WebCrypto, with digests that it lacks. */
export const crypto: StdCrypto = {
  getRandomValues: globalThis.crypto.getRandomValues.bind(globalThis.crypto),
  randomUUID: globalThis.crypto.randomUUID?.bind(globalThis.crypto),
  subtle: {
    ...platformSubtle(),
    async digest(
      algorithm: DigestAlgorithm,
      data: BufferSource | AsyncIterable<BufferSource> | Iterable<BufferSource>,
    ): Promise<ArrayBuffer> {
      const hash = hashFor(algorithm);
      if (isBufferSource(data)) update(hash, data);
      else for await (const piece of data) update(hash, piece);
      return finish(hash);
    },
    digestSync(
      algorithm: DigestAlgorithm,
      data: BufferSource | Iterable<BufferSource>,
    ): ArrayBuffer {
      const hash = hashFor(algorithm);
      if (isBufferSource(data)) update(hash, data);
      else for (const piece of data) update(hash, piece);
      return finish(hash);
    },
  },
};
