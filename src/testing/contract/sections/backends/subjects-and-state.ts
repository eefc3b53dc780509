import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Policy } from '../../../../core/policy.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { type Bench, take } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

const MEGABYTE = 'm'.repeat(2 ** 20);

/** Subjects that are easily lost, or confused with others. */
const ODD: readonly string[] = [
  '',
  ' ',
  'a',
  'A',
  'a ',
  ' a',
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

/** The state of one subject under one policy is separate from all others. */
export function subjectsAndState(suite: Suite<Bench>): void {
  suite.group('odd subjects', () => oddSubjects(suite));
  suite.group('one subject', () => oneSubject(suite));
  suite.group('a denial', () => forgottenDenials(suite));
  suite.group('a large limit', () => largeLimits(suite));
}

async function remaining(backend: Backend, policy: Policy, subject = 'ada'): Promise<number | undefined> {
  return (await backend.peek([{ policy, subject, cost: 0 }])).decisions[0]?.remaining;
}

function oddSubjects(suite: Suite<Bench>): void {
  const policy = definePolicy('p', '1000/s');
  const left = ODD.map((_, i) => 999 - i);

  suite.case('are counted separately', async ({ open }) => {
    const { backend } = await open();
    for (const [i, subject] of ODD.entries()) {
      assert.equal((await backend.spend([{ policy, subject, cost: i + 1 }])).decisions[0]?.remaining, 999 - i);
    }
    const found: (number | undefined)[] = [];
    for (const subject of ODD) found.push(await remaining(backend, policy, subject));
    assert.deepEqual(found, left);
  });

  suite.case('are counted separately within one call', async ({ open }) => {
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
  suite.case('has a budget for each name and scope, even if these look alike', async ({ open }) => {
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

  suite.case(
    'has one budget under one name and scope, even if the policy is defined several times',
    async ({ open }) => {
      const { backend } = await open();
      for (const cost of [1, 2, 3]) {
        await backend.spend([{ policy: definePolicy('a', '100/s'), subject: 'ada', cost }]);
      }
      assert.equal(await remaining(backend, definePolicy('a', '100/s')), 94);
    },
  );
}

/** A denial must not be cached for longer than it applies. */
function forgottenDenials(suite: Suite<Bench>): void {
  const policy = definePolicy('p', '5/min');
  const charge = { policy, subject: 'ada', cost: 2 };

  /** Returns a backend that has just denied the charge, and the receipt of an earlier charge. */
  async function denied({ open }: Bench) {
    const { backend } = await open();
    const receipt = await take(backend, { ...charge, cost: 4 });
    for (let i = 0; i < 3; i++) assert.equal((await backend.spend([charge])).allowed, false);
    return { backend, receipt };
  }

  suite.case('ends with a reset', async (bench) => {
    const { backend } = await denied(bench);
    await backend.reset([charge]);
    assert.equal((await backend.spend([charge])).decisions[0]?.remaining, 3);
  });

  suite.case('ends when units are returned', async (bench) => {
    const { backend, receipt } = await denied(bench);
    await backend.settle(receipt, [0]);
    assert.equal((await backend.spend([charge])).decisions[0]?.remaining, 3);
  });

  suite.case('does not apply under a raised limit, nor to a smaller cost', async (bench) => {
    const { backend } = await denied(bench);
    const raised = { ...charge, policy: definePolicy('p', '10/min') };
    assert.equal((await backend.spend([raised])).decisions[0]?.remaining, 4);
    const { backend: other } = await denied(bench);
    assert.equal((await other.spend([{ ...charge, cost: 1 }])).decisions[0]?.remaining, 0);
  });
}

function largeLimits(suite: Suite<Bench>): void {
  const LARGE = 2 ** 40;

  for (const strategy of STRATEGIES) {
    // A log has an entry per charge, and a limit of at most 10 000.
    if (strategy === 'sliding-log') continue;
    suite.case(`of ${strategy} is counted to the unit, beyond 32 bits`, async ({ open }) => {
      const { backend } = await open();
      const policy = tenPerSecond('p', strategy, LARGE);
      assert.equal((await backend.spend([{ policy, subject: 'ada', cost: 2 ** 32 }])).decisions[0]?.allowed, true);
      assert.equal(await remaining(backend, policy), LARGE - 2 ** 32);
      assert.equal((await backend.spend([{ policy, subject: 'ada', cost: LARGE }])).allowed, false);
      assert.equal(
        (await backend.spend([{ policy, subject: 'ada', cost: LARGE - 2 ** 32 - 1 }])).decisions[0]?.remaining,
        1,
      );
    });
  }
}
