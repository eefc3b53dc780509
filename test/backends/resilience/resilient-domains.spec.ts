import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Backend } from '../../../src/backends/backend.js';
import { BackendError } from '../../../src/backends/backend-error.js';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ResilientBackend } from '../../../src/backends/resilience/resilient.backend.js';
import type { Charge } from '../../../src/core/decision.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';

const policy = definePolicy('p', '10/h');
const on = (subject: string): Charge => ({ policy, subject, cost: 1 });

/** A remote backend of two domains, `a` and `b`: budgets are in the one that their subject begins with. */
class TwoDomains implements Backend {
  readonly remote = true;
  readonly memory = new MemoryBackend();
  readonly asked: string[] = [];
  isDown = false;
  readonly domains = {
    of: (targets: readonly { readonly subject: string }[]) => [
      ...new Set(targets.map(({ subject: [name = ''] }) => name)),
    ],
    all: () => ['a', 'b'],
  };

  async spend(charges: readonly Charge[]) {
    this.#reach(charges);
    return this.memory.spend(charges);
  }
  async peek(charges: readonly Charge[]) {
    this.#reach(charges);
    return this.memory.peek(charges);
  }
  async settle(...[receipt, costs]: Parameters<Backend['settle']>) {
    this.#reach(receipt.charges);
    this.memory.settle(receipt, costs);
  }
  async reset(targets: Parameters<Backend['reset']>[0]) {
    this.#reach(targets);
    this.memory.reset(targets);
  }

  /** The second domain may be down. */
  #reach(targets: readonly { readonly subject: string }[]): void {
    const subjects = targets.map(({ subject }) => subject);
    this.asked.push(subjects.join());
    if (this.isDown && subjects.some((subject) => subject.startsWith('b'))) {
      throw new BackendError('TIMEOUT', 'b is down', true, { domain: 'b' });
    }
  }
}

describe('a resilient backend over two failure domains, one of which is down', () => {
  let inner: TwoDomains;
  let backend: ResilientBackend;
  let events: BackendEvent[];
  let failed: BackendEvent[];

  beforeEach(async () => {
    inner = new TwoDomains();
    backend = new ResilientBackend(inner, 'local');
    events = [];
    failed = [];
    backend.listen((event) => (event.type === 'failed' ? failed : events).push(event));
    inner.isDown = true;
    for (let i = 0; i < 5; i++) await backend.spend([on('a1'), on('b1')]);
    inner.asked.length = 0;
  });

  it('calls the other one as usual', async () => {
    expect(await backend.spend([on('a1')])).not.toHaveProperty('degraded');
    expect(inner.asked).toEqual(['a1']);
    expect(events).toEqual([
      { type: 'degraded', code: 'TIMEOUT', message: expect.any(String), domain: 'b', unavailable: ['b'], of: 2 },
    ]);
  });

  it('reports the first failure of the domain, and counts all of them', () => {
    expect(failed).toEqual([{ type: 'failed', code: 'TIMEOUT', message: 'b is down', transient: true, domain: 'b' }]);
    expect([...backend.failures]).toEqual([['TIMEOUT', 5]]);
  });

  it('decides a call on both by onError as a whole, without calling either', async () => {
    const outcome = await backend.spend([on('a1'), on('b1')]);
    expect(outcome).toMatchObject({
      allowed: true,
      degraded: 'local',
      decisions: [{ remaining: 4 }, { remaining: 4 }],
    });
    expect(inner.asked).toEqual([]);
    expect(inner.memory.peek([{ ...on('a1'), cost: 0 }])).toMatchObject({ decisions: [{ remaining: 10 }] });
  });

  it.each(['allow', 'deny'] as const)(
    'follows the mode %s of the policies of the domain that is down',
    async (onError) => {
      const charge = { ...on('b1'), policy: { ...policy, onError } };
      expect(await backend.spend([charge])).toMatchObject({ allowed: onError === 'allow', degraded: onError });
      expect(await backend.spend([{ ...charge, subject: 'a1' }])).not.toHaveProperty('degraded');
    },
  );

  it('refunds and resets where it can, and reports as lost what it cannot', async () => {
    const receipt = { at: Date.now(), charges: [on('b1')] };
    await backend.settle(receipt, [0]);
    await backend.reset([on('b1')]);
    expect(inner.asked).toEqual([]);
    await backend.reset([on('a1')]);
    expect(events.slice(1)).toEqual([
      { type: 'lost', what: 'refund', code: 'UNAVAILABLE' },
      { type: 'lost', what: 'reset', code: 'UNAVAILABLE' },
    ]);
    await backend.reset([on('a1'), on('b1')]);
    expect(inner.asked).toEqual(['a1', 'a1,b1']);
    expect(events.at(-1)).toEqual({ type: 'lost', what: 'reset', code: 'TIMEOUT' });
  });
});
