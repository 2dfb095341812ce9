/** Cuts a stream of bytes into chunks of one size; the last one may be shorter. */
export class FixedChunkStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(size: number) {
    let rest: Uint8Array = new Uint8Array(0);
    super({
      transform(chunk, controller) {
        const bytes = new Uint8Array(rest.length + chunk.length);
        bytes.set(rest);
        bytes.set(chunk, rest.length);
        let at = 0;
        for (; at + size <= bytes.length; at += size) {
          controller.enqueue(bytes.slice(at, at + size));
        }
        rest = bytes.subarray(at);
      },
      flush(controller) {
        if (rest.length > 0) controller.enqueue(rest);
      },
    });
  }
}
