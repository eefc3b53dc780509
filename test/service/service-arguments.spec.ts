import { describe, expect, it } from '@jest/globals';
import { definePolicy, ThrottleConfigError } from '../../src/index.js';
import { parseArguments } from '../../src/service/service-arguments.js';

const policy = definePolicy('api', { rate: '5/min' });
const options = { subject: 'user:42', context: { scope: 'eu' } };

describe('the arguments of the service', () => {
  it.each<[string, readonly unknown[], object]>([
    ['nothing', [], {}],
    ['a cost', [3], { cost: 3 }],
    ['a cost and options', [3, options], { cost: 3, ...options }],
    ['a name', ['api'], { policy: 'api' }],
    ['a name and a cost', ['api', 3], { policy: 'api', cost: 3 }],
    ['a name, a cost and options', ['api', 3, options], { policy: 'api', cost: 3, ...options }],
    ['a policy', [policy], { policy }],
  ])('are distinguished: %s', (_, args, expected) => {
    expect(parseArguments('hit', args)).toEqual({ method: 'hit', ...expected });
  });

  it.each<[string, readonly unknown[]]>([
    ['is undefined', [undefined]],
    ['is undefined after a name', ['api', undefined]],
    ['is undefined before options', [undefined, options]],
    ['is undefined between a name and options', ['api', undefined, options]],
    ['is undefined between a policy and options', [policy, undefined, options]],
    ['is negative', [-1]],
    ['is a fraction', ['api', 1.5]],
    ['is a string', ['api', '1']],
  ])('throw a RangeError for a cost that %s', (_, args) => {
    expect(() => parseArguments('hit', args)).toThrow(RangeError);
  });

  it('are rejected with how to charge the cost of the policy', () => {
    expect(() => parseArguments('consume', ['api', undefined, options])).toThrow(
      "For the policy's own cost, pass a list: consume([{ policy }], options).",
    );
  });

  it.each<[string, readonly unknown[], string]>([
    [
      'a subject',
      ['api', 1, { subject: undefined }],
      'hit({ subject }): expected a string that is not empty, got undefined. ' +
        'Is an environment variable or a configuration value missing? ' +
        'Leave the option out to use its default: the subject that the policy finds.',
    ],
    [
      'an `on`',
      [1, { on: undefined }],
      'hit({ on }): expected an execution context, a request or a socket, got undefined. ' +
        'Is an environment variable or a configuration value missing? ' +
        'Leave the option out to use its default: the call being handled.',
    ],
    [
      'a policy',
      [undefined, 1, options],
      "hit(): expected a policy's name, or a policy that definePolicy() made, got undefined. " +
        'Is an environment variable or a configuration value missing? ' +
        'Without a policy, pass the cost and the options alone.',
    ],
  ])('throw a ThrottleConfigError for %s that is present but undefined', (_, args, message) => {
    expect(() => parseArguments('hit', args)).toThrow(new ThrottleConfigError('SLUICE_MISSING_VALUE', message));
  });

  it('may have a context, or options, that are undefined', () => {
    expect(parseArguments('hit', ['api', 1, { context: undefined }])).toEqual({
      method: 'hit',
      policy: 'api',
      cost: 1,
    });
    expect(parseArguments('hit', ['api', 1, undefined])).toEqual({ method: 'hit', policy: 'api', cost: 1 });
  });

  it.each<[string, readonly unknown[]]>([
    ['options that are a string', ['api', 1, 'user:42']],
    ['an unknown option', ['api', 1, { user: 42 }]],
    ['a context that is no object', ['api', 1, { context: 'eu' }]],
  ])('throw a ThrottleConfigError for %s', (_, args) => {
    expect(() => parseArguments('hit', args)).toThrow(ThrottleConfigError);
  });
});
