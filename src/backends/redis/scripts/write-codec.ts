import { type TimedReply, unexpectedReply } from './call-verdict.js';

const DONE = 1;
const LATE = 2;

/** The arguments of lua/scripts/write.lua. @param args those of the command behind its keys */
export function writeArgs(
  instant: string,
  deadlineMs: number,
  command: string,
  args: readonly (string | number)[],
): readonly string[] {
  return [instant, `${deadlineMs}`, command, ...args.map(String)];
}

/** Decodes a reply of lua/scripts/write.lua. @throws TypeError if it is none */
export function decodeWriteReply(reply: unknown): TimedReply {
  const [serverMs, status]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  if (typeof serverMs !== 'number' || (status !== DONE && status !== LATE)) throw unexpectedReply();
  return { serverMs, isLate: status === LATE };
}
