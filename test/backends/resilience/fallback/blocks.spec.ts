import { describe, expect, it } from '@jest/globals';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { defineConcurrency } from '../../../../src/strategies/held/define-held-policy.js';
import { Fleet, on, type Process } from '../../../support/redis/fallback.js';

const MINUTE = 60_000;
const login = definePolicy('login', {
  rate: '3/s',
  strategy: 'fixed-window',
  block: { for: '10m', escalate: [1, 2], forgetAfter: '2h' },
});
const target = { policy: login, subject: 'ada' };

/** A process by which Redis has begun a block of ada. */
async function blocking(fleet: Fleet): Promise<Process> {
  const one = await fleet.process();
  for (let i = 0; i < 4; i++) await one.backend.spend([on(login)]);
  return one;
}

describe('a block that this process has seen', () => {
  it('stays in force while Redis does not respond, up to its end, and counts as a strike', async () => {
    await using fleet = await Fleet.start();
    const { backend } = await blocking(fleet);
    fleet.clock.advance(1600);
    await fleet.server.kill();
    for (const cost of [1, 3]) {
      expect(await backend.spend([on(login, cost)])).toMatchObject({
        allowed: false,
        degraded: 'local',
        binding: { reason: 'blocked', retryAfterMs: 10 * MINUTE - 1600 },
      });
    }
    expect(await backend.spend([on(login, 1, 'bob')])).toMatchObject({ allowed: true });
    fleet.clock.advance(10 * MINUTE - 1600 - 1);
    expect(await backend.spend([on(login)])).toMatchObject({ allowed: false, binding: { retryAfterMs: 1 } });
    fleet.clock.advance(1);
    for (let i = 0; i < 3; i++) expect(await backend.spend([on(login)])).toMatchObject({ allowed: true });
    const begun = await backend.spend([on(login)]);
    expect(begun.binding).toMatchObject({ startedBlock: { forMs: 20 * MINUTE, strikes: 2 } });
  });

  it('stays in force if another process began it, or if it was set by hand', async () => {
    await using fleet = await Fleet.start();
    const { backend } = await fleet.process();
    const other = await blocking(fleet);
    fleet.clock.advance(MINUTE);
    await backend.spend([on(login)]);
    await backend.blocks?.setBlock({ policy: login, subject: 'bob' }, MINUTE);
    await other.backend.blocks?.setBlock({ policy: login, subject: 'cy' }, MINUTE);
    await fleet.server.kill();
    const waits: unknown[] = [];
    for (const subject of ['ada', 'bob', 'cy']) {
      waits.push((await backend.spend([on(login, 1, subject)])).binding?.retryAfterMs);
    }
    // This process has not seen the block of cy.
    expect(waits).toEqual([9 * MINUTE, MINUTE, 0]);
  });

  it('stays in force if it denied a call that requested a permit', async () => {
    await using fleet = await Fleet.start();
    const { backend } = await fleet.process();
    await blocking(fleet);
    const permit = { policy: defineConcurrency('exports', 5), subject: 'ada', id: 7, units: 1, ttlMs: MINUTE };
    expect(await backend.holds?.take([permit], [on(login)])).toMatchObject({ allowed: false });
    fleet.clock.advance(1600);
    await fleet.server.kill();
    expect((await backend.spend([on(login)])).binding).toMatchObject({ reason: 'blocked' });
  });

  it('is dropped when it is deleted or reset by this process, even while Redis does not respond', async () => {
    await using fleet = await Fleet.start();
    const { backend } = await fleet.process();
    const subjects = ['deleted', 'reset', 'deleted meanwhile', 'reset meanwhile'];
    for (const subject of subjects) await backend.blocks?.setBlock({ policy: login, subject }, MINUTE);
    await backend.blocks?.deleteBlock({ policy: login, subject: 'deleted' });
    await backend.reset([{ policy: login, subject: 'reset' }]);
    await fleet.server.kill();
    const meanwhile = { policy: login, subject: 'deleted meanwhile' };
    await expect(Promise.resolve(backend.blocks?.deleteBlock(meanwhile))).rejects.toThrow();
    await backend.reset([{ policy: login, subject: 'reset meanwhile' }]);
    for (const subject of subjects) {
      expect(await backend.spend([on(login, 1, subject)])).toMatchObject({ allowed: true, degraded: 'local' });
    }
  });

  it('ends when Redis has admitted the subject, because another process has lifted it', async () => {
    await using fleet = await Fleet.start();
    const one = await blocking(fleet);
    const other = await fleet.process();
    fleet.clock.advance(1600);
    expect(await other.backend.blocks?.deleteBlock(target)).toBe(true);
    // The denial is remembered for a while.
    fleet.clock.advance(1600);
    expect(await one.backend.spend([on(login)])).toMatchObject({ allowed: true });
    await fleet.server.kill();
    expect(await one.backend.spend([on(login)])).toMatchObject({ allowed: true, degraded: 'local' });
  });

  it('that was lifted during an outage denies only as long as earlier charges', async () => {
    await using fleet = await Fleet.start();
    const one = await blocking(fleet);
    await fleet.server.kill();
    fleet.clock.advance(1600);
    for (let i = 0; i < 5; i++) {
      expect(await one.backend.spend([on(login)])).toMatchObject({ allowed: false, degraded: 'local' });
    }
    // Redis comes back without it.
    await fleet.recover(one, true);
    fleet.clock.advance(2000);
    expect(await one.backend.spend([on(login)])).toMatchObject({ allowed: true });
  });

  it('does not apply to a policy with onError "allow" or "deny"', async () => {
    await using fleet = await Fleet.start();
    const { backend } = await fleet.process();
    const open = definePolicy('open', { rate: '1/h', block: true, onError: 'allow' });
    await backend.blocks?.setBlock({ policy: open, subject: 'ada' }, MINUTE);
    await fleet.server.kill();
    expect(await backend.spend([on(open)])).toMatchObject({ allowed: true, degraded: 'allow' });
    // Beside a policy that this process limits, it is read only.
    expect(await backend.spend([on(login), on(open)])).toMatchObject({ allowed: true, degraded: 'local' });
  });
});
