import { describe, expect, it } from '@jest/globals';
import {
  type Backend,
  Concurrency,
  MemoryBackend,
  type PolicyOptions,
  Throttle,
  type ThrottleModuleOptions,
} from '../../../src/index.js';
import { startupError } from '../../support/application.js';
import { reports } from './reports-controller.js';

const A_CONCURRENCY = 'a whole number of permits, at least 1, or options { limit, weight?, ttlMs?, queue?, status? }';

const policies = (work: object): ThrottleModuleOptions => ({ policies: { work: work as PolicyOptions } });
const IN_CONCURRENCY = '{ concurrency: { limit: 5, queue: { max: 10, waitMs: 5000 } } }';
const missing = 'Is an environment variable or a configuration value missing?';

describe('concurrency stops startup', () => {
  it.each<[string, object, string]>([
    ['of 0', { concurrency: 0 }, `concurrency: expected ${A_CONCURRENCY}, got 0 (number)`],
    ['of a fraction', { concurrency: 1.5 }, `concurrency: expected ${A_CONCURRENCY}, got 1.5 (number)`],
    ['of a string', { concurrency: '5' }, `concurrency: expected ${A_CONCURRENCY}, got "5"`],
    [
      'that is missing in a configuration',
      { rate: '5/min', concurrency: undefined },
      `concurrency: expected ${A_CONCURRENCY}, got undefined. ${missing} Leave the option out to use its default: any number of calls at a time.`,
    ],
    [
      'whose limit is missing in a configuration',
      { concurrency: { limit: undefined } },
      `concurrency.limit: expected a whole number from 1 to 1000000000, got undefined. ${missing}`,
    ],
    [
      'with an unknown option',
      { concurrency: { limit: 1, que: {} } },
      'concurrency: there is no option "que". Did you mean "queue"? Known: limit, weight, ttlMs, queue, status.',
    ],
    [
      'with an option of the queue beside the queue',
      { concurrency: { limit: 2, waitMs: 5 } },
      `concurrency: there is no option "waitMs" here. It belongs in its \`queue\`: ${IN_CONCURRENCY}.`,
    ],
    [
      'with a weight above the limit, which no call would ever pass',
      { concurrency: { limit: 2, weight: 3 } },
      'concurrency.weight: expected a whole number from 1 to 2, got 3 (number)',
    ],
    [
      'with a ttl that heartbeats cannot keep',
      { concurrency: { limit: 2, ttlMs: 500 } },
      'concurrency.ttlMs: expected milliseconds, a whole number from 1000 to 3600000, got 500 (number)',
    ],
    [
      'with a queue without end',
      { concurrency: { limit: 2, queue: { waitMs: 1000 } } },
      'concurrency.queue: expected options { max, waitMs }, but max is missing. Add it.',
    ],
    [
      'with a queue whose length is missing',
      { concurrency: { limit: 2, queue: { max: undefined, waitMs: 1000 } } },
      `concurrency.queue.max: expected a whole number from 1 to 100000, got undefined. ${missing}`,
    ],
    [
      'with a queue that waits for a text',
      { concurrency: { limit: 2, queue: { max: 10, waitMs: '5s' } } },
      'concurrency.queue.waitMs: expected milliseconds, a whole number from 1 to 600000, got "5s"',
    ],
    [
      'with a queue that is a number',
      { concurrency: { limit: 2, queue: 5 } },
      'concurrency.queue: expected options { max, waitMs }, got 5 (number)',
    ],
    [
      'with another status',
      { concurrency: { limit: 2, status: 500 } },
      'concurrency.status: expected 429 or 503, got 500 (number)',
    ],
    [
      'beside a lease',
      { rate: '100/min', strategy: 'fixed-window', lease: { batch: 10 }, concurrency: 2 },
      'concurrency: cannot be combined with a lease, because the backend holds the permits, and leased units are spent without it. Leave one of the two options out.',
    ],
    [
      'with an option of a rate, without one',
      { concurrency: 2, burst: 5 },
      'burst: applies to a rate, but this limit has only a concurrency. Leave it out, add a rate.',
    ],
    [
      'with a cost, without a rate',
      { concurrency: 2, cost: 2 },
      'cost: applies to a rate, but this limit has only a concurrency. Leave it out, add a rate, or write concurrency: { limit, weight } to set the permits of a call.',
    ],
  ])('%s', async (_, options, text) => {
    const error = await startupError(() => ({ options: policies(options) }));
    expect(error).toBe(`policies.work.${text}`);
  });

  it.each([
    ['queue', IN_CONCURRENCY],
    ['waitMs', IN_CONCURRENCY],
    ['max', IN_CONCURRENCY],
    ['ttlMs', '{ concurrency: { limit: 5, ttlMs } }'],
    ['weight', '{ concurrency: { limit: 5, weight } }'],
    ['status', '{ concurrency: { limit: 5, status } }'],
  ])('with its option %s beside it', async (member, form) => {
    const problem = `there is no option "${member}" here. It belongs in \`concurrency\`: ${form}.`;
    const options = { concurrency: 2, [member]: 5 };
    expect(await startupError(() => ({ options: policies(options) }))).toBe(`policies.work: ${problem}`);
    const controllers = () => [reports(Throttle('5/min', JSON.parse(JSON.stringify(options))))];
    expect(await startupError(() => ({ options: {}, controllers: controllers() }))).toMatch(`: ${problem}`);
  });

  it('without a rate and without a concurrency', async () => {
    expect(await startupError(() => ({ options: policies({ burst: 5 }) }))).toBe(
      'policies.work.rate: expected a rate such as "5/min", got none',
    );
  });

  it('in a decorator, which the error names', async () => {
    expect(await startupError(() => ({ options: {}, controllers: [reports(Concurrency(0))] }))).toBe(
      `@Concurrency on ReportsController.list, concurrency: expected ${A_CONCURRENCY}, got 0 (number)`,
    );
  });

  it('with the name of a policy, which has its own', async () => {
    const controllers = [reports(Throttle('work', { concurrency: 2 }))];
    expect(await startupError(() => ({ options: policies({ rate: '5/min' }), controllers }))).toContain(
      '@Throttle("work") on ReportsController.list: "concurrency" cannot be set where the policy "work" is used.',
    );
  });

  it('on a handler that a leased limit applies to', async () => {
    const options = {
      default: { rate: '100/min', strategy: 'fixed-window', lease: { batch: 10 } },
    } satisfies ThrottleModuleOptions;
    expect(await startupError(() => ({ options, controllers: [reports(Concurrency(2))] }))).toBe(
      '@Concurrency on ReportsController.list: concurrency cannot be combined with the `lease` of default: the backend takes permits and rates together, and leased units are spent without it. Leave the lease out, or skip that limit here.',
    );
  });

  it.each<[string, object]>([
    ['requests', { requests: { rate: '5/min', concurrency: 2 } }],
    ['connections', { sockets: { connections: { rate: '5/min', concurrency: 2 } } }],
    ['frames', { sockets: { frames: { rate: '5/min', concurrency: 2 } } }],
  ])('in a limit of %s', async (name, options) => {
    expect(await startupError(() => ({ options: options as ThrottleModuleOptions }))).toContain(
      `concurrency: cannot be used in a limit of ${name}. Leave it out.`,
    );
  });

  it('in a plan, which sets rates', async () => {
    const options = {
      ...policies({ concurrency: 2 }),
      plans: { of: () => 'free', default: 'free', tiers: { free: { work: '5/min' } } },
    } satisfies ThrottleModuleOptions;
    expect(await startupError(() => ({ options }))).toContain(
      'plans.tiers.free.work: the policy limits only how many calls run',
    );
  });

  it('with a backend that does not support holds', async () => {
    class PlainBackend {
      readonly #inner = new MemoryBackend();
      spend: Backend['spend'] = (charges) => this.#inner.spend(charges);
      peek: Backend['peek'] = (charges) => this.#inner.peek(charges);
      settle: Backend['settle'] = (receipt, costs) => this.#inner.settle(receipt, costs);
      reset: Backend['reset'] = (targets) => this.#inner.reset(targets);
    }
    expect(
      await startupError(() => ({ options: { ...policies({ concurrency: 2 }), backend: new PlainBackend() } })),
    ).toBe(
      'policy "work": `concurrency` needs a backend that holds units while a call runs, and PlainBackend has no `holds`. Leave `concurrency` out, or use another backend.',
    );
  });
});
