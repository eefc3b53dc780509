import { sharedState } from '../../core/copies.js';

/** The number of applications in the process, by their `ipv6Prefix`. */
const running = sharedState('ipv6-prefixes', () => new Map<number, number>());

const DEFAULT_PREFIX = 64;

/** Registers a running application with this prefix. Returns a function that removes it. */
export function enterPrefix(prefix: number): () => void {
  running.set(prefix, (running.get(prefix) ?? 0) + 1);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    const left = (running.get(prefix) ?? 1) - 1;
    if (left === 0) running.delete(prefix);
    else running.set(prefix, left);
  };
}

/**
 * Returns the prefix of the applications in the process; 64 if there is none.
 *
 * @throws Error if they have different prefixes
 */
export function prefixInForce(): number {
  const [prefix = DEFAULT_PREFIX, other] = running.keys();
  if (other === undefined) return prefix;
  throw new Error(
    `subjectOf.ip(): the applications of this process have an ipv6Prefix of ${prefix} and of ${other}. ` +
      'Write throttle.subjectOf.ip(address), with the ThrottleService of the application that is meant.',
  );
}
