import type { BlockRecord } from '../../../strategies/blocks/block-record.js';

/** The marker of a value with a record: lua/lib/blocks.lua writes it. */
const MARKER = Buffer.from('\xa3S2k', 'latin1');
/** The length of a record. The state of the strategy is behind it. */
export const RECORD_BYTES = 46;
const NUMBER_BYTES = 7;

/** Reads the record at the beginning of a value. Returns undefined for any other value. */
export function recordOf(value: unknown): BlockRecord | undefined {
  if (!Buffer.isBuffer(value) || value.length < RECORD_BYTES || !value.subarray(0, MARKER.length).equals(MARKER)) {
    return undefined;
  }
  // The first number is when the key expires.
  const number = (position: number) => wholeAt(value, MARKER.length + NUMBER_BYTES * position);
  return { until: number(1), rowAt: number(2), struckAt: number(3), row: number(4), strikes: number(5) };
}

/** Reads 7 bytes, little endian: `readUIntLE` reads 6 at most. */
function wholeAt(bytes: Buffer, offset: number): number {
  return bytes.readUIntLE(offset, 6) + bytes.readUInt8(offset + 6) * 2 ** 48;
}
