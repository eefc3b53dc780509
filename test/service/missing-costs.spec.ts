import { describe, expect, it } from '@jest/globals';
import { definePolicy } from '../../src/index.js';
import { startContext } from '../support/service-app.js';

const ada = { subject: 'user:ada' };
const tenant = definePolicy('tenant', '5/min');

describe('a cost that is passed and undefined', () => {
  it.each(['hit', 'consume', 'check'] as const)('is a RangeError of %s, with options and without', async (method) => {
    await using context = await startContext({ policies: { api: '5/min' } });
    const { throttle } = context;
    const cost = undefined;
    await expect(throttle[method](cost)).rejects.toThrow(RangeError);
    await expect(throttle[method](cost, ada)).rejects.toThrow(RangeError);
    await expect(throttle[method]('api', cost)).rejects.toThrow(RangeError);
    await expect(throttle[method]('api', cost, ada)).rejects.toThrow(RangeError);
    await expect(throttle[method](tenant, cost, ada)).rejects.toThrow(RangeError);
    // Values that untyped code may pass.
    const charge = { policy: 'api', ...{ cost } } as never;
    await expect(throttle[method]([charge], ada)).rejects.toThrow(RangeError);
    expect(await throttle.stat('api', ada)).toMatchObject({ remaining: 5 });
  });

  it.each(['hit', 'consume', 'check'] as const)('is missing in an array: %s', async (method) => {
    await using context = await startContext({ policies: { api: { rate: '5/min', cost: 2 } } });
    await expect(context.throttle[method]([{ policy: 'api' }], ada)).resolves.toBeTruthy();
    expect(await context.throttle.stat('api', ada)).toMatchObject({ remaining: method === 'check' ? 5 : 3 });
  });

  it('is a RangeError of refund', async () => {
    await using context = await startContext({ policies: { api: '5/min' } });
    const outcome = await context.throttle.hit('api', 2, ada);
    await expect(context.throttle.refund(outcome, undefined)).rejects.toThrow(RangeError);
    expect(await context.throttle.stat('api', ada)).toMatchObject({ remaining: 3 });
  });
});
