import { type TimedReply, unexpectedReply } from './call-verdict.js';

/** The reply of lua/scripts/block.lua. */
export interface BlockReply extends TimedReply {
  /** True if the key held a value that Sluice did not write. */
  readonly isForeign: boolean;
  /** The end of the block that was there; 0 if there was none. */
  readonly endedMs: number;
  readonly expiresAt: number;
  readonly strikes: number;
}

const DONE = 1;
const LATE = 2;
const FOREIGN_VALUE = 3;
/** The length of a reply that something was done. */
const DONE_LENGTH = 5;

/** The arguments of lua/scripts/block.lua. @param forMs undefined to end a block */
export function blockScriptArgs(instant: string, deadlineMs: number, forMs: number | undefined): readonly string[] {
  return [instant, `${deadlineMs}`, forMs === undefined ? '' : `${forMs}`];
}

/** Decodes a reply of lua/scripts/block.lua. @throws TypeError if it is none */
export function decodeBlockReply(reply: unknown): BlockReply {
  if (!Array.isArray(reply)) throw unexpectedReply();
  const [serverMs, status, endedMs = 0, expiresAt = 0, strikes = 0] = reply.map(Number);
  const isLate = status === LATE;
  const isForeign = status === FOREIGN_VALUE;
  const isWhole = isLate || isForeign || (status === DONE && reply.length === DONE_LENGTH);
  if (serverMs === undefined || !isWhole) throw unexpectedReply();
  return { serverMs, isLate, isForeign, endedMs, expiresAt, strikes };
}
