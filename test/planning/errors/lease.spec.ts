import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { definePolicy, type PolicyOptions, type PolicySpec, Throttle } from '../../../src/index.js';
import { startupError } from '../../support/application.js';
import { thrownProblem } from '../../support/config-error.js';

const WINDOW = { rate: '100/min', strategy: 'fixed-window' } as const;

/** Invalid values, with the part of the message after the place of the option. */
const WRONG: readonly (readonly [what: string, options: object, text: string])[] = [
  ['a number', { ...WINDOW, lease: 20 }, ': expected an object { batch: units }, got 20 (number)'],
  ['null', { ...WINDOW, lease: null }, ': expected an object { batch: units }, got null'],
  ['a list', { ...WINDOW, lease: [20] }, ': expected an object { batch: units }, got [20]'],
  [
    'a misspelt member',
    { ...WINDOW, lease: { bacth: 20 } },
    ': there is no option "bacth". Did you mean "batch"? Known: batch.',
  ],
  [
    'no batch',
    { ...WINDOW, lease: {} },
    '.batch: expected a whole number of units from 1 to the limit of 100, got undefined',
  ],
  [
    'a batch of nothing',
    { ...WINDOW, lease: { batch: 0 } },
    '.batch: expected a whole number of units from 1 to the limit of 100, got 0 (number)',
  ],
  [
    'a batch of a half',
    { ...WINDOW, lease: { batch: 1.5 } },
    '.batch: expected a whole number of units from 1 to the limit of 100, got 1.5 (number)',
  ],
  [
    'a batch above the limit',
    { ...WINDOW, lease: { batch: 101 } },
    '.batch: expected a whole number of units from 1 to the limit of 100, got 101 (number)',
  ],
  [
    'a batch above the lower of two limits',
    { ...WINDOW, rate: '10/s; 200/hour', lease: { batch: 20 } },
    '.batch: expected a whole number of units from 1 to the limit of 10, got 20 (number)',
  ],
  [
    'the default strategy',
    { rate: '100/min', lease: { batch: 20 } },
    ': only a "fixed-window" can be leased, and this policy is a "sliding-window". Add { strategy: "fixed-window" }, or leave the lease out.',
  ],
  [
    'another strategy',
    { rate: '100/min', strategy: 'token-bucket', lease: { batch: 20 } },
    ': only a "fixed-window" can be leased, and this policy is a "token-bucket". Add { strategy: "fixed-window" }, or leave the lease out.',
  ],
  [
    'a short window',
    { ...WINDOW, rate: '100/999ms', lease: { batch: 20 } },
    ': expected a period of at least 1000 ms, got 999 (number)',
  ],
];

const FUNCTION = ': a rate that is a function cannot be leased. Write a fixed rate, or leave the lease out.';

function limited(what: PolicyOptions) {
  @Controller('reports')
  class ReportsController {
    @Throttle(what) @Get() list() {}
  }
  return ReportsController;
}

describe('a lease stops startup', () => {
  it.each(WRONG)('of %s', async (_, options, text) => {
    const what = options as PolicyOptions;
    expect(await startupError(() => ({ options: { policies: { api: what } } }))).toBe(`policies.api.lease${text}`);
    expect(await startupError(() => ({ options: { default: what } }))).toBe(`default.lease${text}`);
    expect(await startupError(() => ({ options: {}, controllers: [limited(what)] }))).toBe(
      `@Throttle on ReportsController.list, lease${text}`,
    );
  });

  it('of a rate that is a function, which may return another limit each time', async () => {
    const api: PolicyOptions = { ...WINDOW, rate: () => '100/min', lease: { batch: 20 } };
    expect(await startupError(() => ({ options: { policies: { api } } }))).toBe(`policies.api.lease${FUNCTION}`);
    expect(await startupError(() => ({ options: {}, controllers: [limited(api)] }))).toBe(
      `@Throttle on ReportsController.list, lease${FUNCTION}`,
    );
  });
});

describe('a policy with a lease', () => {
  it.each(WRONG)('cannot be defined with %s', (_, options, text) => {
    const make = () => definePolicy('api', options as PolicySpec);
    expect(thrownProblem(make)).toBe(`policies.api.lease${text}`);
  });

  it('starts with any batch up to the limit', async () => {
    for (const batch of [1, 100]) {
      const api: PolicyOptions = { ...WINDOW, lease: { batch } };
      expect(await startupError(() => ({ options: { policies: { api } }, controllers: [limited(api)] }))).toBeNull();
    }
  });

  it('is frozen, and has the same id as without a lease', () => {
    const plain = definePolicy('api', WINDOW);
    const lease = { batch: 20 };
    const leased = definePolicy('api', { ...WINDOW, lease });
    expect(leased).toEqual({ ...plain, lease: { batch: 20 } });
    expect(leased.lease).not.toBe(lease);
    expect([Object.isFrozen(leased), Object.isFrozen(leased.lease)]).toEqual([true, true]);
    expect('lease' in plain).toBe(false);
  });
});
