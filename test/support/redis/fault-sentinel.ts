import { load } from './fault-scenarios.js';
import { askUntil, charge, counter, guarded, TIMEOUT_MS, usedOf } from './faults.js';
import { connect } from './redis.js';
import { RedisSentinels } from './redis-sentinel.js';

const [BEFORE, AFTER] = [counter('before'), counter('after')];

export interface MasterFrozen {
  readonly downAfterMs: number;
  /** The time from the freeze to the first charge on the new master. */
  readonly writingAgainMs: number;
  /** Calls with a reply of the new master, and the units of them that it has. */
  readonly answered: number;
  readonly charged: number;
  readonly events: readonly string[];
}

/** Freezes the master of a Sentinel trio under 10 callers, and thaws it when the other one has taken over. */
export async function sentinelMasterFrozen(timeoutMs = TIMEOUT_MS): Promise<MasterFrozen> {
  await using trio = await RedisSentinels.start();
  const client = await trio.connect();
  const { backend, prefix, events } = guarded(client, 'local', timeoutMs);
  let frozenAt = Number.POSITIVE_INFINITY;
  let [before, answered, writingAgainMs] = [0, 0, 0];
  const stop = load(10, async () => {
    const isFrozen = performance.now() > frozenAt;
    const { degraded } = await backend.spend([charge(isFrozen ? AFTER : BEFORE)]);
    if (degraded !== undefined) return;
    if (!isFrozen) {
      before += 1;
      return;
    }
    answered += 1;
    writingAgainMs ||= performance.now() - frozenAt;
  });
  await askUntil(
    () => before,
    (before) => before > 100,
  );
  trio.master.freeze();
  frozenAt = performance.now();
  await askUntil(
    () => answered,
    (answered) => answered > 100,
    90_000,
  );
  await stop();
  const other = await connect(trio.replica);
  const charged = await usedOf(other, prefix, AFTER);
  for (const each of [client, other]) each.disconnect();
  return {
    downAfterMs: trio.downAfterMs,
    writingAgainMs,
    answered,
    charged,
    events: events.map(({ type }) => type),
  };
}
