import { describe, expect, it } from '@jest/globals';
import { heldController, sendInOrder } from '../../support/delayed-handlers.js';
import { adapters, startApp } from '../../support/http-app.js';
import { START } from '../../support/start-time.js';
import { until } from '../../support/wait-until.js';

describe.each(adapters)('a leaky bucket on %s', (adapter) => {
  it.each(['guarded', 'hit', 'both'])('delays calls until their turn, in order (%s)', async (handler) => {
    const { runs, controllers } = heldController();
    await using app = await startApp({ adapter, controllers });
    const sent = await sendInOrder(
      app,
      ['a', 'b', 'c', 'd'].map((name) => `/${handler}/${name}`),
    );
    expect(runs).toEqual(['a']);
    for (const [i, name] of ['b', 'c', 'd'].entries()) {
      app.clock.advance(999);
      expect(app.clock.waiting).toBe(3 - i);
      app.clock.advance(1);
      expect(app.clock.waiting).toBe(2 - i);
      expect(await sent[i + 1]).toBe(200);
      expect(runs.at(-1)).toBe(name);
    }
    expect(runs).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each(['guarded', 'hit'])(
    'delays as many calls as it has room for, and denies others at once (%s)',
    async (handler) => {
      const { runs, controllers } = heldController();
      await using app = await startApp({ adapter, controllers });
      const sent = await sendInOrder(
        app,
        ['a', 'b', 'c', 'd', 'e'].map((name) => `/${handler}/${name}`),
      );
      for (let i = 0; i < 3; i++) {
        const denied = await app.send(`/${handler}/f`);
        expect([denied.status, denied.headers['retry-after']]).toEqual([429, '1']);
      }
      expect([app.clock.waiting, runs]).toEqual([4, ['a']]);

      app.clock.advance(1000);
      expect(await sent[1]).toBe(200);
      const next = app.send(`/${handler}/g`);
      await until(() => app.clock.waiting === 4);
      expect((await app.send(`/${handler}/h`)).status).toBe(429);
      app.clock.advance(3000);
      expect(await Promise.all(sent)).toEqual([200, 200, 200, 200, 200]);
      expect([app.clock.waiting, runs.toSorted()]).toEqual([1, ['a', 'b', 'c', 'd', 'e']]);
      app.clock.advance(1000);
      expect((await next).status).toBe(200);
      expect([app.clock.now(), runs.at(-1)]).toEqual([START + 5000, 'g']);
    },
  );

  it('only returns the delay from consume()', async () => {
    const { runs, controllers } = heldController();
    await using app = await startApp({ adapter, controllers });
    const bodies: unknown[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) bodies.push((await app.send(`/consume/${name}`)).body);
    expect(bodies).toEqual([
      { allowed: true, delayMs: 0 },
      { allowed: true, delayMs: 1000 },
      { allowed: true, delayMs: 2000 },
      { allowed: true, delayMs: 3000 },
      { allowed: true, delayMs: 4000 },
      { allowed: false, delayMs: 0 },
    ]);
    expect([app.clock.waiting, runs]).toEqual([0, ['a', 'b', 'c', 'd', 'e', 'f']]);
  });
});
