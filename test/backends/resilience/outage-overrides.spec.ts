import { beforeEach, describe, expect, it } from '@jest/globals';
import { BackendError } from '../../../src/backends/backend-error.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ResilientBackend } from '../../../src/backends/resilience/resilient.backend.js';
import type { StoredRate } from '../../../src/backends/settings-store.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge, Outcome } from '../../../src/core/decision.js';
import type { Policy } from '../../../src/core/policy.js';
import { calendarArguments } from '../../../src/strategies/calendar/quota-windows.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { START } from '../../support/start-time.js';

/** A remote backend that can be unavailable. */
class Remote extends MemoryBackend {
  readonly remote = true;
  isAvailable = true;

  override spend(charges: readonly Charge[]): Outcome {
    if (!this.isAvailable) throw new BackendError('CONNECTION', 'no connection');
    return super.spend(charges);
  }

  override peek(charges: readonly Charge[]): Outcome {
    if (!this.isAvailable) throw new BackendError('CONNECTION', 'no connection');
    return super.peek(charges);
  }
}

const api = definePolicy('api', { rate: '10/min', strategy: 'fixed-window' });
const rateOf = ({ strategy, limit, periodMs, burst, segments }: Policy): StoredRate => ({
  strategy,
  limit,
  periodMs,
  burst,
  segments,
});
const fixed = (rate: string) => rateOf(definePolicy('api', { rate, strategy: 'fixed-window' }));
const ofUser = (cost: number, subject = 'user:ada', org = 'org:1'): Charge => ({
  policy: api,
  subject,
  cost,
  overriddenBy: [subject, org],
});
const organisation = { policy: 'api', subject: 'org:1' };

describe('overrides during an outage', () => {
  let remote: Remote;
  let backend: ResilientBackend;
  const fail = () => {
    remote.isAvailable = false;
  };

  beforeEach(() => {
    remote = new Remote({ clock: new ManualClock(START) });
    backend = new ResilientBackend(remote, 'local');
  });

  it('apply as in the last reply, with the period, a denial and a refund', async () => {
    await remote.settings.setOverride({ ...organisation, rate: fixed('3/s') });
    await backend.spend([ofUser(1)]);
    fail();
    const outcome = await backend.spend([ofUser(2)]);
    expect(outcome).toMatchObject({ degraded: 'local', decisions: [{ limit: 3, remaining: 0, windowMs: 1000 }] });
    expect(await backend.spend([ofUser(2)])).toMatchObject({ allowed: false, degraded: 'local' });
    if (outcome.receipt !== undefined) await backend.settle(outcome.receipt, [0]);
    expect(await backend.peek([ofUser(0)])).toMatchObject({ decisions: [{ limit: 3, remaining: 2 }] });
    await backend.reset([ofUser(1)]);
  });

  it('apply to subjects without a decision, as in the last reply', async () => {
    await remote.settings.setOverride({ ...organisation, rate: fixed('3/min') });
    await backend.peek([ofUser(1)]);
    fail();
    expect(await backend.spend([ofUser(1)])).toMatchObject({ decisions: [{ limit: 3, remaining: 2 }] });
    expect(await backend.spend([ofUser(1, 'user:bob')])).toMatchObject({ decisions: [{ limit: 10, remaining: 9 }] });
    expect(await backend.spend([ofUser(1, 'user:ada', 'org:2')])).toMatchObject({ decisions: [{ limit: 10 }] });
  });

  it('apply as in the denial of the last reply', async () => {
    await remote.settings.setOverride({ ...organisation, rate: fixed('50/min') });
    await backend.spend([ofUser(1)]);
    await remote.settings.setOverride({ ...organisation, rate: fixed('2/min') });
    expect((await backend.spend([ofUser(3)])).allowed).toBe(false);
    fail();
    expect(await backend.spend([ofUser(3)])).toMatchObject({ allowed: false, decisions: [{ limit: 2 }] });
  });

  it('no longer apply if they were missing in the last reply', async () => {
    await remote.settings.setOverride({ ...organisation, rate: 'unlimited' });
    expect((await backend.spend([ofUser(50)])).binding).toBeNull();
    await remote.settings.deleteOverride(organisation);
    await backend.spend([ofUser(1)]);
    fail();
    expect((await backend.spend([ofUser(11)])).allowed).toBe(false);
  });

  it('of another unit do not apply to a quota, as before', async () => {
    const quota = (rate: string) => definePolicy('api', { rate, strategy: 'calendar' });
    const ofQuota = (policy: Policy): Charge => ({
      ...ofUser(1),
      policy,
      arguments: calendarArguments(policy, START),
    });
    const [daily, monthly] = [quota('10/day'), quota('10/month')];
    await remote.settings.setOverride({ ...organisation, rate: rateOf(quota('900/month')) });
    expect((await backend.spend([ofQuota(monthly)])).binding).toMatchObject({ limit: 900 });
    fail();
    expect(await backend.spend([ofQuota(monthly)])).toMatchObject({ degraded: 'local', binding: { limit: 900 } });
    expect(await backend.spend([ofQuota(daily)])).toMatchObject({ degraded: 'local', binding: { limit: 10 } });
  });

  it('leave an unlimited charge unlimited, next to others', async () => {
    await remote.settings.setOverride({ ...organisation, rate: 'unlimited' });
    const plain: Charge = { policy: definePolicy('other', '5/min'), subject: 'user:ada', cost: 2 };
    await backend.spend([ofUser(1), plain]);
    fail();
    const outcome = await backend.spend([ofUser(500), plain]);
    expect(outcome).toMatchObject({
      allowed: true,
      degraded: 'local',
      decisions: [{ unlimited: true }, { remaining: 1 }],
    });
    expect(outcome.receipt?.charges.map(({ cost }) => cost)).toEqual([0, 2]);
  });

  it('are dropped beyond the last 10 000', async () => {
    await remote.settings.setOverride({ ...organisation, rate: fixed('3/min') });
    for (let i = 0; i <= 10_000; i++) await backend.peek([ofUser(1, `user:${i}`)]);
    fail();
    const limitOf = async (i: number) => (await backend.peek([ofUser(1, `user:${i}`)])).binding?.limit;
    expect([await limitOf(0), await limitOf(1), await limitOf(10_000)]).toEqual([10, 3, 3]);
  });
});
