import { describe, expect, it } from '@jest/globals';
import { type Call, ManualClock, type PlanEvent, type PlanOf } from '../../../src/index.js';
import { PlanLookup } from '../../../src/planning/plans/plan-lookup.js';
import { FunctionDeadlines } from '../../../src/transports/functions/function-deadlines.js';
import { START } from '../../support/start-time.js';

/** Values that untyped code may return. */
const untyped = (value: unknown) => value as never;

const anonymous: Call = { type: 'http', context: {}, address: '192.0.2.1', request: { headers: {} } };
const userCall = (id: unknown): Call => ({ ...anonymous, request: { headers: {}, user: { id } } });
const outside: Call = { type: 'none', context: {} };

function lookupOf(of: PlanOf, cacheMs?: number) {
  const clock = new ManualClock(START);
  const warnings: string[] = [];
  const events: PlanEvent[] = [];
  const tiers = { free: {}, pro: {}, team: {} };
  const lookup = new PlanLookup(
    { of, default: 'free', tiers, ...(cacheMs !== undefined && { cacheMs }) },
    { clock, warn: (message) => warnings.push(message), deadlines: new FunctionDeadlines() },
  );
  lookup.events.listen((event) => events.push(event));
  /** The plan of a call that is charged to a subject. */
  const find = (
    charged: string | undefined,
    call = anonymous,
    { isFinal = true, scope = undefined as string | undefined } = {},
  ) => lookup.find(call, { charged, scope, given: undefined, isFinal });
  const given = (subject: string, call = outside) =>
    lookup.find(call, { charged: subject, scope: undefined, given: subject, isFinal: true });
  return { lookup, find, given, clock, warnings, events };
}

/** An asynchronous function that resolves with `plan`, and counts its calls. */
function counting(answer: () => unknown) {
  const asked: Call[] = [];
  const of: PlanOf = async (call) => {
    asked.push(call);
    return untyped(answer());
  };
  return { of, asked };
}

describe('a synchronous function', () => {
  it('is called for every call, and returns at once', () => {
    let plan = 'pro';
    const { find } = lookupOf(() => plan);
    expect(find('user:1')).toBe('pro');
    plan = 'team';
    expect(find('user:1')).toBe('team');
  });

  it.each([undefined, null])(
    'that returns %s means the default plan, and in the guard phase that it is not known yet',
    (plan) => {
      const { find, events } = lookupOf(() => plan);
      expect(find('user:1')).toBe('free');
      expect(find('user:1', anonymous, { isFinal: false })).toBeUndefined();
      expect(events).toEqual([]);
    },
  );

  it('that throws means the default plan, and in the guard phase that it is not known yet', () => {
    const error = new Error('there is no user');
    const { find, events, warnings } = lookupOf(() => {
      throw error;
    });
    expect(find('user:1', anonymous, { isFinal: false })).toBeUndefined();
    expect(events).toEqual([]);
    expect(find('user:1')).toBe('free');
    expect(events).toEqual([{ type: 'plan-failed', error, plan: 'free' }]);
    expect(warnings).toEqual([
      'plans.of failed: there is no user. Each client keeps its last known plan; all others have the plan "free".',
    ]);
  });
});

describe('an unknown plan', () => {
  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'Pro', ' pro', ''])(
    'such as %j is the default one, and is reported once',
    (plan) => {
      const { find, events, warnings } = lookupOf(() => plan);
      expect([find('user:1'), find('user:2'), find('user:3', anonymous, { isFinal: false })]).toEqual([
        'free',
        'free',
        'free',
      ]);
      expect(events).toEqual([{ type: 'unknown-plan', plan }]);
      expect(warnings).toHaveLength(1);
    },
  );

  it('is named in the warning', () => {
    const { find, warnings } = lookupOf(() => 'poo');
    find('user:1');
    expect(warnings).toEqual([
      'plans.of: there is no plan "poo", so "free" applies. Did you mean "pro"? Known: free, pro, team.',
    ]);
  });

  it.each([
    [7, '7 (number)'],
    [{ plan: 'pro' }, 'an object with plan'],
    [['pro'], '["pro"]'],
    [false, 'false'],
  ])('may be an invalid name: %j', (answer, plan) => {
    const { find, events } = lookupOf(() => untyped(answer));
    expect(find('user:1')).toBe('free');
    expect(events).toEqual([{ type: 'unknown-plan', plan }]);
  });

  it('is reported for at most 1000 names', () => {
    let count = 0;
    const { find, events } = lookupOf(() => `plan-${count++}`);
    for (let i = 0; i < 1100; i++) expect(find('user:1')).toBe('free');
    expect(events).toHaveLength(1000);
  });
});

describe('an asynchronous function', () => {
  it('is called once by 50 concurrent calls of a subject, and cached for 30 seconds', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find, clock } = lookupOf(of);
    const plans = await Promise.all(Array.from({ length: 50 }, () => find('user:1')));
    expect([new Set(plans), asked.length]).toEqual([new Set(['pro']), 1]);
    clock.advance(29_999);
    expect(find('user:1')).toBe('pro');
    clock.advance(1);
    expect(await find('user:1')).toBe('pro');
    expect(asked).toHaveLength(2);
  });

  it('is cached for cacheMs from its result on', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find, clock } = lookupOf(of, 50);
    await find('user:1');
    clock.advance(49);
    await find('user:1');
    expect(asked).toHaveLength(1);
    clock.advance(1);
    await find('user:1');
    expect(asked).toHaveLength(2);
  });

  it('is called again if the clock steps back', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find, clock } = lookupOf(of, 50);
    await find('user:1');
    clock.advance(-3_600_000);
    await find('user:1');
    await find('user:1');
    expect(asked).toHaveLength(2);
  });

  it('that takes longer than cacheMs sets the last known plan, even if other calls call it meanwhile', async () => {
    let fail = (_error: Error) => {};
    const failing = new Promise<string>((_, reject) => {
      fail = reject;
    });
    let count = 0;
    const { find } = lookupOf(() => (count++ === 0 ? Promise.resolve('pro') : failing), 0);
    const [first, second] = [find('user:1'), find('user:1')];
    expect(await first).toBe('pro');
    fail(new Error('the database is down'));
    expect(await second).toBe('pro');
  });

  it('is called each time with a cacheMs of 0', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find } = lookupOf(of, 0);
    await Promise.all([find('user:1'), find('user:1')]);
    await find('user:1');
    expect(asked).toHaveLength(3);
  });

  it('is called for each subject, and for each scope of the context', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find } = lookupOf(of);
    await find('user:1');
    await find('user:2');
    await find('scope:4:acme:user:1', anonymous, { scope: 'acme' });
    await find('scope:4:acme:user:1', anonymous, { scope: 'acme' });
    await find('user:1');
    expect(asked).toHaveLength(3);
  });

  it('may return any thenable', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what it is about
    const thenable = { then: (resolve: (plan: string) => void) => resolve('pro') };
    const { find } = lookupOf(() => untyped(thenable));
    expect(await find('user:1')).toBe('pro');
    expect(find('user:1')).toBe('pro');
  });

  it('uses the last known plan of the subject while it rejects, and is called again each time', async () => {
    let plan: () => string = () => 'pro';
    const { of, asked } = counting(() => plan());
    const { find, clock, events } = lookupOf(of);
    await find('user:1');
    const error = new Error('billing is down');
    plan = () => {
      throw error;
    };
    clock.advance(30_000);
    expect(await Promise.all([find('user:1'), find('user:1')])).toEqual(['pro', 'pro']);
    expect(asked).toHaveLength(2);
    expect(await find('user:1')).toBe('pro');
    expect(await find('user:1', anonymous, { isFinal: false })).toBe('pro');
    expect(await find('user:2')).toBe('free');
    expect(events).toEqual([
      ...new Array(3).fill({ type: 'plan-failed', error, plan: 'pro', subject: 'user:1' }),
      { type: 'plan-failed', error, plan: 'free', subject: 'user:2' },
    ]);
    plan = () => 'team';
    expect([await find('user:1'), await find('user:2')]).toEqual(['team', 'team']);
  });

  it('warns of its failures once a minute', async () => {
    const { of } = counting(() => {
      throw new Error('billing is down');
    });
    const { find, clock, warnings } = lookupOf(of);
    await find('user:1');
    await find('user:2');
    clock.advance(59_999);
    await find('user:1');
    expect(warnings).toHaveLength(1);
    clock.advance(1);
    await find('user:1');
    expect(warnings).toHaveLength(2);
  });

  it('that never resolves delays calls of its subject for cacheMs only', async () => {
    const never = new Promise<string>(() => {});
    let count = 0;
    const { find, clock } = lookupOf(() => (count++ === 0 ? never : Promise.resolve('pro')));
    void find('user:1');
    clock.advance(29_999);
    void find('user:1');
    expect(count).toBe(1);
    clock.advance(1);
    expect(await find('user:1')).toBe('pro');
  });

  it('is called again after the guard phase if it found no plan there', async () => {
    let plan: string | undefined;
    const { of, asked } = counting(() => plan);
    const { find } = lookupOf(of);
    expect(await find('header:x-api-key:a', anonymous, { isFinal: false })).toBeUndefined();
    expect(await find('header:x-api-key:a', anonymous, { isFinal: false })).toBeUndefined();
    expect(asked).toHaveLength(1);
    plan = 'pro';
    expect(await find('header:x-api-key:a')).toBe('pro');
    expect(await find('header:x-api-key:a', anonymous, { isFinal: false })).toBe('pro');
    expect(asked).toHaveLength(2);
  });

  it('does not use a pending look-up of the guard phase', async () => {
    let plan: string | undefined;
    const { of, asked } = counting(() => plan);
    const { find } = lookupOf(of);
    const inGuard = find('header:x-api-key:a', anonymous, { isFinal: false });
    plan = 'pro';
    expect(await Promise.all([inGuard, find('header:x-api-key:a')])).toEqual([undefined, 'pro']);
    expect(asked).toHaveLength(2);
  });

  it('is called once by the limits of one call of which only the address is known', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find } = lookupOf(of);
    const [one, other] = [{ ...anonymous }, { ...anonymous }];
    expect(await Promise.all([find('all', one), find('ip:192.0.2.1', one), find('all', other)])).toEqual([
      'pro',
      'pro',
      'pro',
    ]);
    expect(asked).toEqual([one, other]);
    expect(await Promise.all([find('all', one), find('all', one, { isFinal: false })])).toEqual(['pro', 'pro']);
    expect(asked).toHaveLength(4);
  });

  it('caches the default plan of subjects without a plan', async () => {
    const { of, asked } = counting(() => undefined);
    const { find } = lookupOf(of);
    expect(await find('user:1')).toBe('free');
    expect(find('user:1')).toBe('free');
    expect(find('user:1', anonymous, { isFinal: false })).toBe('free');
    expect(asked).toHaveLength(1);
  });

  it('caches the plans of at most 10 000 subjects', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find } = lookupOf(of);
    for (let i = 0; i <= 10_000; i++) await find(`user:${i}`);
    asked.length = 0;
    expect(find('user:10000')).toBe('pro');
    expect(find('user:1')).toBe('pro');
    await find('user:0');
    expect(asked).toHaveLength(1);
  });
});

describe('the subject of a plan', () => {
  const planOfUser = counting(() => 'pro');

  it.each(['ip:192.0.2.1', 'all', 'path:/reports', 'each:12:ip:192.0.2.113:path:/reports', undefined])(
    'is not %s, which callers share: nothing is cached',
    async (charged) => {
      const { of, asked } = counting(() => 'pro');
      const { find } = lookupOf(of);
      const calls = [{ ...anonymous }, { ...anonymous }];
      expect(await Promise.all(calls.map((call) => find(charged, call)))).toEqual(['pro', 'pro']);
      await find(charged);
      expect(asked).toHaveLength(3);
      await find(charged, userCall({}));
      expect(asked).toHaveLength(4);
    },
  );

  it.each(['ip:192.0.2.1', 'all', undefined])('is the user if the policy charges %s', async (charged) => {
    const plans: Record<string, string> = { 1: 'pro', 2: 'team' };
    const { find } = lookupOf(async ({ request }) => plans[String(Reflect.get(Object(request?.user), 'id'))]);
    expect(await find(charged, userCall(1))).toBe('pro');
    expect(await find(charged, userCall(2))).toBe('team');
    expect(find(charged, userCall(1))).toBe('pro');
    expect(await find(charged)).toBe('free');
  });

  it('is the user of a socket, or else the socket', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find } = lookupOf(of);
    await find('conn:7', userCall(1));
    expect(find('conn:8', userCall(1))).toBe('pro');
    await find('conn:7', userCall(2));
    await find('conn:7');
    expect(find('conn:7')).toBe('pro');
    expect(asked).toHaveLength(3);
  });

  it.each(['header:x-api-key:a', 'tenant 5', 'each:12:ip:192.0.2.16:user:4'])('is %j', async (charged) => {
    const { of, asked } = counting(() => 'pro');
    const { find } = lookupOf(of);
    await find(charged);
    expect(find(charged, userCall(9))).toBe('pro');
    expect(asked).toHaveLength(1);
  });

  it('is the subject that is passed to the service', async () => {
    const { given, find } = lookupOf(async (_call, subject) => (subject === 'user:2' ? 'team' : 'pro'));
    expect(await given('user:2')).toBe('team');
    expect(given('user:2', userCall(1))).toBe('team');
    expect(find('user:2')).toBe('team');
    expect(await given('ip:192.0.2.1')).toBe('pro');
    expect(given('ip:192.0.2.1')).toBe('pro');
  });

  it('is not set for other calls by a function that does not take the subject', async () => {
    const { of, asked } = counting(() => undefined);
    const { find, given } = lookupOf(of);
    expect(await Promise.all([given('user:2'), given('user:2')])).toEqual(['free', 'free']);
    expect(asked).toHaveLength(1);
    await find('user:2', userCall(2));
    expect(asked).toHaveLength(2);
    // Within another call it speaks of that call.
    await given('user:3', userCall(1));
    await given('user:3', userCall(1));
    expect(asked).toHaveLength(4);
  });

  it("shares the plan of the subject's own calls", async () => {
    const { find, given } = lookupOf(planOfUser.of);
    await find('user:2', userCall(2));
    expect(given('user:2', userCall(1))).toBe('pro');
    expect(given('user:2')).toBe('pro');
  });
});

describe('forget', () => {
  it('drops the plan of a subject in every scope, and of no other', async () => {
    const { of, asked } = counting(() => 'pro');
    const { find, lookup } = lookupOf(of);
    await find('user:1');
    await find('scope:4:acme:user:1', anonymous, { scope: 'acme' });
    await find('user:2');
    asked.length = 0;
    lookup.forget('user:1');
    await find('user:1');
    await find('scope:4:acme:user:1', anonymous, { scope: 'acme' });
    await find('user:2');
    expect(asked).toHaveLength(2);
  });

  it('drops a running look-up', async () => {
    const answers = ['pro', 'team'];
    const { of, asked } = counting(() => answers.shift());
    const { find, lookup } = lookupOf(of);
    const before = find('user:1');
    lookup.forget('user:1');
    const after = find('user:1');
    expect(await Promise.all([before, after])).toEqual(['pro', 'team']);
    expect([find('user:1'), asked.length]).toEqual(['team', 2]);
  });

  it('drops the last known plan', async () => {
    const answers = ['pro'];
    const { find, lookup } = lookupOf(async () => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error('billing is down');
      return answer;
    });
    await find('user:1');
    lookup.forget('user:1');
    expect(await find('user:1')).toBe('free');
  });
});
