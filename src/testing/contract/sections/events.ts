import assert from 'node:assert/strict';
import type { Backend } from '../../../backends/backend.js';
import type { BackendEvent } from '../../../backends/backend-events.js';
import { definePolicy } from '../../../strategies/define-policy.js';
import type { Bench } from '../harness/bench.js';
import type { Suite } from '../harness/suite.js';
import { CHANGES, used } from './changed-policies.js';

/** What a backend with the capability `events` reports to its listeners. */
export function events(suite: Suite<Bench>): void {
  for (const [what, from, to] of CHANGES) {
    const [before, changed] = [definePolicy('plan', from), definePolicy('plan', to)];

    suite.case(`reports once that a policy of another ${what} starts afresh, when it is charged`, async (bench) => {
      const { backend } = await used(bench, before);
      const reported = listenTo(backend);
      await backend.peek([{ policy: changed, subject: 'ada', cost: 1 }]);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 11 }]);
      assert.deepEqual(reported, []);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }]);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }]);
      assert.deepEqual(reported, [{ type: 'started-afresh', policy: 'plan', was: before.shape }]);
    });
  }

  suite.case('reports nothing where only the limit changes', async (bench) => {
    const { backend } = await used(bench, definePolicy('plan', '10/s'));
    const reported = listenTo(backend);
    await backend.spend([{ policy: definePolicy('plan', '15/s'), subject: 'ada', cost: 1 }]);
    assert.deepEqual(reported, []);
  });
}

function listenTo(backend: Backend): readonly BackendEvent[] {
  assert.ok(backend.listen, 'expected a method `listen`, because the backend has the capability "events"');
  const reported: BackendEvent[] = [];
  backend.listen((event) => reported.push(event));
  return reported;
}
