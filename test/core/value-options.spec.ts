import { describe, expect, it } from '@jest/globals';
import { ThrottleConfigError } from '../../src/core/errors.js';
import { assertNotMissing, VALUE_OPTIONS } from '../../src/core/value-options.js';

const expectedError = (place: string) =>
  expect.objectContaining({
    name: 'ThrottleConfigError',
    message: expect.stringMatching(
      new RegExp(`^${place}: expected a value, got undefined\\. Is an environment variable .* missing\\?`),
    ),
  });

describe('assertNotMissing', () => {
  const check = (options: object, member: string, path = 'policies.x') =>
    assertNotMissing(path, options, member, 'a value');

  it.each(Object.keys(VALUE_OPTIONS))(
    'throws for %s that is present but undefined, and not if it is omitted',
    (member) => {
      expect(() => check({ [member]: undefined }, member)).toThrow(expectedError(`policies\\.x\\.${member}`));
      expect(() => check({}, member)).not.toThrow();
      expect(() => check({ [member]: null }, member)).not.toThrow();
      expect(() => check({ [member]: '' }, member)).not.toThrow();
    },
  );

  it('throws for a getter that a class inherits', () => {
    class Options {
      get rate() {
        return undefined;
      }
    }
    expect(() => check(new Options(), 'rate')).toThrow(ThrottleConfigError);
  });

  it.each(['message', 'toString', 'constructor', '__proto__'])('lets %s be undefined', (member) => {
    expect(() => check(Object.defineProperty({}, member, { value: undefined }), member)).not.toThrow();
  });

  it('names members of decorators and methods like other errors', () => {
    expect(() => check({ by: undefined }, 'by', '@Throttle on Reports.list')).toThrow(
      expectedError('@Throttle on Reports\\.list, by'),
    );
    expect(() => check({ on: undefined }, 'on', 'hit()')).toThrow(expectedError('hit\\(\\{ on \\}\\)'));
  });
});
