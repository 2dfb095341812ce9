/** Options for {@linkcode LimitedBytesTransformStream}. */
export interface LimitedBytesTransformStreamOptions {
  /** Whether too many bytes are an error; if not, the stream just ends. Defaults to false. */
  error?: boolean;
}

/** Passes bytes on until a chunk would go over a limit. */
export class LimitedBytesTransformStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(size: number, { error = false }: LimitedBytesTransformStreamOptions = {}) {
    let left = size;
    super({
      transform(chunk, controller) {
        if (chunk.byteLength <= left) {
          left -= chunk.byteLength;
          controller.enqueue(chunk);
        } else if (error) {
          throw new RangeError(`Exceeded byte size limit of '${size}'`);
        } else {
          controller.terminate();
        }
      },
    });
  }
}
