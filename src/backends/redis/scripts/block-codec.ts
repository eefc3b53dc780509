import { unexpectedReply } from './call-verdict.js';

/** The result of lua/scripts/block.lua. */
export type BlockVerdict =
  | { readonly kind: 'late' }
  | { readonly kind: 'foreign-value' }
  | {
      readonly kind: 'done';
      /** The end of the block that was there; 0 if there was none. */
      readonly endedMs: number;
      readonly expiresAt: number;
      readonly strikes: number;
    };

/** The reply of lua/scripts/block.lua. */
export interface BlockReply {
  /** The server's time, in epoch milliseconds. */
  readonly serverMs: number;
  readonly verdict: BlockVerdict;
}

const DONE = 1;
const LATE = 2;
const FOREIGN_VALUE = 3;

/** The arguments of lua/scripts/block.lua. @param forMs undefined to end a block */
export function blockScriptArgs(instant: string, deadlineMs: number, forMs: number | undefined): readonly string[] {
  return [instant, `${deadlineMs}`, forMs === undefined ? '' : `${forMs}`];
}

/** Decodes a reply of lua/scripts/block.lua. @throws TypeError if it is none */
export function decodeBlockReply(reply: unknown): BlockReply {
  if (!Array.isArray(reply)) throw unexpectedReply();
  const [serverMs, status, endedMs, expiresAt, strikes] = reply.map(Number);
  if (serverMs === undefined) throw unexpectedReply();
  if (status === LATE) return { serverMs, verdict: { kind: 'late' } };
  if (status === FOREIGN_VALUE) return { serverMs, verdict: { kind: 'foreign-value' } };
  if (status !== DONE || endedMs === undefined || expiresAt === undefined || strikes === undefined) {
    throw unexpectedReply();
  }
  return { serverMs, verdict: { kind: 'done', endedMs, expiresAt, strikes } };
}
