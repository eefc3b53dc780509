import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Policy } from '../../../../core/policy.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { type Bench, take } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';

const MEGABYTE = 'm'.repeat(2 ** 20);

/** Subjects that are easily lost, or mistaken for another. */
const ODD: readonly string[] = [
  '',
  ' ',
  'a',
  'a:b',
  'b',
  '{x}',
  'x',
  '{',
  '}',
  '__proto__',
  'constructor',
  'toString',
  '\ud800',
  '\ud801',
  '\udc00',
  '\ufffd',
  '\u0000',
  'é',
  'e\u0301',
  '#',
  '*',
  'x'.repeat(48),
  'x'.repeat(49),
  MEGABYTE,
  `${MEGABYTE}a`,
  `${MEGABYTE}b`,
];

/** How a backend keeps the state of one subject under one policy from all others. */
export function subjectsAndState(suite: Suite<Bench>): void {
  suite.group('odd subjects', () => oddSubjects(suite));
  suite.group('one subject', () => oneSubject(suite));
}

async function remaining(backend: Backend, policy: Policy, subject = 'ada'): Promise<number | undefined> {
  return (await backend.peek([{ policy, subject, cost: 0 }])).decisions[0]?.remaining;
}

function oddSubjects(suite: Suite<Bench>): void {
  const policy = definePolicy('p', '1000/s');
  const left = ODD.map((_, i) => 999 - i);

  suite.case('are counted, and apart', async ({ open }) => {
    const { backend } = await open();
    for (const [i, subject] of ODD.entries()) {
      assert.equal((await backend.spend([{ policy, subject, cost: i + 1 }])).decisions[0]?.remaining, 999 - i);
    }
    const found: (number | undefined)[] = [];
    for (const subject of ODD) found.push(await remaining(backend, policy, subject));
    assert.deepEqual(found, left);
  });

  suite.case('are apart within one call, too', async ({ open }) => {
    const { backend } = await open();
    const { decisions } = await backend.spend(ODD.map((subject, i) => ({ policy, subject, cost: i + 1 })));
    assert.deepEqual(
      decisions.map((decision) => decision.remaining),
      left,
    );
  });

  suite.case('are settled and reset one by one', async ({ open }) => {
    const { backend } = await open();
    for (const subject of ODD) {
      await backend.settle(await take(backend, { policy, subject, cost: 10 }), [4]);
    }
    const found: (number | undefined)[] = [];
    for (const subject of ODD) {
      found.push(await remaining(backend, policy, subject));
      await backend.reset([{ policy, subject }]);
      found.push(await remaining(backend, policy, subject));
    }
    assert.deepEqual(
      found,
      ODD.flatMap(() => [996, 1000]),
    );
  });
}

function oneSubject(suite: Suite<Bench>): void {
  suite.case('has a budget for each name and scope, even where these look alike', async ({ open }) => {
    const { backend } = await open();
    const scoped = (name: string, scope: string) => definePolicy(name, { rate: '100/s', scope });
    const policies = [
      scoped('a', 'b'),
      scoped('a', 'b@c'),
      scoped('a', 'b%40c'),
      scoped('a', ''),
      scoped('a-b', 'b'),
      scoped('A', 'b'),
      scoped('b', 'a'),
      scoped('a', 'x'.repeat(100)),
      scoped('a', `${'x'.repeat(100)}y`),
      scoped('a', '\ud800'),
      scoped('a', '\ud801'),
    ];
    for (const [i, policy] of policies.entries()) await backend.spend([{ policy, subject: 'ada', cost: i + 1 }]);
    const found: (number | undefined)[] = [];
    for (const policy of policies) found.push(await remaining(backend, policy));
    assert.deepEqual(
      found,
      policies.map((_, i) => 99 - i),
    );
  });

  suite.case('has one budget under one name and scope, however often the policy is defined', async ({ open }) => {
    const { backend } = await open();
    for (const cost of [1, 2, 3]) {
      await backend.spend([{ policy: definePolicy('a', '100/s'), subject: 'ada', cost }]);
    }
    assert.equal(await remaining(backend, definePolicy('a', '100/s')), 94);
  });
}
