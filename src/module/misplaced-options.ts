import type { MemoryBackendOptions } from '../backends/memory/memory.backend.js';
import type { RedisBackendOptions } from '../backends/redis/redis-options.js';
import { ThrottleConfigError } from '../core/errors.js';
import { POLICY_MEMBERS } from '../decorators/policy-options.js';
import type { PlanOptions } from '../planning/plans/plan-options.js';
import type { SocketOptions } from './throttle-module.options.js';

/** Options of the parts of the module, and how they are written there. Options that the module has, too, are not. */
const PLACES: readonly (readonly [members: Readonly<Record<string, true>>, form: (member: string) => string])[] = [
  [
    {
      closeAfter: true,
      connections: true,
      frames: true,
      maxPending: true,
      noticeEveryMs: true,
      trustProxy: true,
    } satisfies Record<keyof SocketOptions, true>,
    (member) => `in \`sockets\`: { sockets: { ${member} } }`,
  ],
  [
    { cacheMs: true, of: true, tiers: true } satisfies Record<Exclude<keyof PlanOptions, 'default'>, true>,
    () => 'in `plans`: { plans: { of, default, tiers } }',
  ],
  [
    {
      batch: true,
      denyMemoryMs: true,
      maxDenials: true,
      onEvent: true,
      prefix: true,
      timeoutMs: true,
    } satisfies Record<Exclude<keyof RedisBackendOptions, 'clock'>, true>,
    (member) => `in the options of the backend: { backend: new RedisBackend(client, { ${member} }) }`,
  ],
  [
    { clock: true, maxKeys: true } satisfies Record<keyof MemoryBackendOptions, true>,
    (member) => `in the options of the backend: { backend: new MemoryBackend({ ${member} }) }`,
  ],
  [
    { useFactory: true, useClass: true, useExisting: true, inject: true, imports: true },
    () => 'in forRootAsync({ imports, inject, useFactory })',
  ],
];

/**
 * Throws for an option of a part of the module, or of a limit, among the options of the module.
 *
 * @param known the options of the module
 * @throws ThrottleConfigError saying where it belongs
 */
export function assertNoneMisplaced(place: string, options: object, known: readonly string[]): void {
  for (const member of Object.keys(options)) {
    if (known.includes(member)) continue;
    const where = placeOf(member);
    if (where === undefined) continue;
    throw new ThrottleConfigError(
      'SLUICE_MISPLACED_OPTION',
      `${place}: there is no option "${member}" here. It belongs ${where}.`,
    );
  }
}

function placeOf(member: string): string | undefined {
  const found = PLACES.find(([members]) => Object.hasOwn(members, member));
  if (found !== undefined) return found[1](member);
  if (!POLICY_MEMBERS.includes(member)) return undefined;
  const limit = member === 'rate' ? '{ rate: "1000/min" }' : `{ rate: "1000/min", ${member} }`;
  return `in a limit: { default: ${limit} } for all handlers, or in one of \`policies\``;
}
