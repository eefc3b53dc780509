/**
 * Writes and reads the frames of a client (RFC 6455, 5.2) without a library. Such a client needs less CPU per message
 * than a library, so it keeps a server busier, and it can violate the protocol.
 */

export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const FIN = 0x80;
const MASKED = 0x80;

/** Returns a masked frame of up to 125 bytes. */
export function frame(opcode, text) {
  const payload = Buffer.from(text);
  if (payload.length > 125) throw new RangeError(`expected at most 125 bytes, got ${payload.length}`);
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  return Buffer.concat([
    Buffer.from([FIN | opcode, MASKED | payload.length]),
    mask,
    payload.map((byte, i) => byte ^ mask[i % 4]),
  ]);
}

/** Splits the output of a server into frames: calls `onFrame(opcode, payload)` for each. */
export function frameReader(onFrame) {
  let left = Buffer.alloc(0);
  return (chunk) => {
    const bytes = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    let at = 0;
    for (;;) {
      const end = frameEnd(bytes, at);
      if (end === undefined || end.next > bytes.length) break;
      onFrame(bytes[at] & 0x0f, bytes.subarray(end.payload, end.next));
      at = end.next;
    }
    left = bytes.subarray(at);
  };
}

function frameEnd(bytes, at) {
  if (bytes.length < at + 2) return undefined;
  const short = bytes[at + 1];
  if (short < 126) return { payload: at + 2, next: at + 2 + short };
  if (short === 127) throw new RangeError('a frame of more than 64 kB');
  return bytes.length < at + 4 ? undefined : { payload: at + 4, next: at + 4 + bytes.readUInt16BE(at + 2) };
}
