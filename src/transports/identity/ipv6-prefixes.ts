/** Counts of the applications of the process by their `ipv6Prefix`. Shared by all copies of this library. */
const RUNNING = Symbol.for('nestjs-sluice:ipv6-prefixes');
type Holder = typeof globalThis & { [RUNNING]?: Map<number, number> };

const DEFAULT_PREFIX = 64;

function running(): Map<number, number> {
  const holder: Holder = globalThis;
  holder[RUNNING] ??= new Map();
  return holder[RUNNING];
}

/** Notes that an application with this prefix runs. Returns a function that notes its end. */
export function enterPrefix(prefix: number): () => void {
  const prefixes = running();
  prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    const left = (prefixes.get(prefix) ?? 1) - 1;
    if (left === 0) prefixes.delete(prefix);
    else prefixes.set(prefix, left);
  };
}

/**
 * Returns the prefix of the applications of the process; 64 if there is none.
 *
 * @throws Error if they have several
 */
export function prefixInForce(): number {
  const [prefix = DEFAULT_PREFIX, other] = running().keys();
  if (other === undefined) return prefix;
  throw new Error(
    `subjectOf.ip(): the applications of this process have an ipv6Prefix of ${prefix} and of ${other}. ` +
      'Write throttle.subjectOf.ip(address), with the ThrottleService of the application that is meant.',
  );
}
