import { describe, expect, it } from '@jest/globals';
import { ThrottleService } from '../../../src/index.js';
import { startApp } from '../../support/http-app.js';

const policies = { api: { rate: '10/min', overrides: true } } as const;

describe('an override of a plain address', () => {
  it.each([
    ['127.0.0.1', 'ip:127.0.0.1'],
    ['2001:db8::1', 'ip:2001:db8::/64'],
  ])('is stored, with a warning that names the subject that by.ip() charges: %s', async (address, subject) => {
    const warnings: string[] = [];
    await using app = await startApp({ adapter: 'express', options: { policies }, warnings });
    const throttle = app.app.get(ThrottleService);
    warnings.length = 0;
    await throttle.overrides.set('api', address, '500/min');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      `overrides.set("api"): the subject "${address}" is an address, and by.ip() charges "${subject}"`,
    );
    expect(await throttle.overrides.get('api', address)).toMatchObject({ subject: address });
    await throttle.overrides.set('api', throttle.subjectOf.ip(address), '500/min');
    expect(warnings).toHaveLength(1);
  });
});

describe('an invalid rate', () => {
  it.each(['5/fortnight', '5', ''])('is reported without the form of several rates: %j', async (rate) => {
    await using app = await startApp({ adapter: 'express', options: { policies } });
    const throttle = app.app.get(ThrottleService);
    // Values that untyped code may pass.
    const untyped = rate as '5/min';
    const form = `rate: expected "<count>/<unit>" such as "5/min", "10 per 30 seconds" or "unlimited", got "${rate}"`;
    await expect(throttle.overrides.set('api', 'user:1', untyped)).rejects.toThrow(form);
    await expect(throttle.policies.update('api', { rate: untyped })).rejects.toThrow(form);
  });
});
