import { describe, expect, it } from '@jest/globals';
import { type PolicyOptions, Throttle, type ThrottleModuleOptions } from '../../../src/index.js';
import { startupError } from '../../support/application.js';
import { reports } from './reports-controller.js';

const OPTION = 'expected "success", "failure", or a function of the result of the call';
const leased = { rate: '100/min', strategy: 'fixed-window', lease: { batch: 10 } } as const;

const policies = (login: object): ThrottleModuleOptions => ({ policies: { login: login as PolicyOptions } });

describe('chargeWhen stops startup', () => {
  it.each<[string, object, string]>([
    ['if it is misspelt', { rate: '5/min', chargeWhen: 'sucess' }, `${OPTION}, got "sucess"`],
    ['if it is true', { rate: '5/min', chargeWhen: true }, `${OPTION}, got true`],
    [
      'if it is missing in a configuration',
      { rate: '5/min', chargeWhen: undefined },
      `${OPTION}, got undefined. Is an environment variable or a configuration value missing? Leave the option out to use its default: every call is charged.`,
    ],
    [
      'beside a lease',
      { ...leased, chargeWhen: 'failure' },
      'cannot be combined with a lease, because leased units cannot be settled by the outcome of a call. Leave one of the two options out.',
    ],
  ])('%s', async (_, options, text) => {
    expect(await startupError(() => ({ options: policies(options) }))).toBe(`policies.login.chargeWhen: ${text}`);
  });

  it('if a handler uses a policy with a lease', async () => {
    const controllers = [reports(Throttle('login', { chargeWhen: 'failure' }))];
    expect(await startupError(() => ({ options: policies(leased), controllers }))).toBe(
      '@Throttle("login") on ReportsController.list, chargeWhen: cannot be combined with a lease, because leased units cannot be settled by the outcome of a call. Leave one of the two options out.',
    );
  });

  it.each<[string, object, string]>([
    [
      'all requests',
      { requests: { rate: '5/min', chargeWhen: 'success' } },
      'requests.chargeWhen: cannot be used in a limit of requests',
    ],
    [
      'connections',
      { sockets: { connections: { rate: '5/min', chargeWhen: 'success' } } },
      'sockets.connections.chargeWhen: cannot be used in a limit of connections',
    ],
    [
      'frames',
      { sockets: { frames: { rate: '5/min', chargeWhen: 'success' } } },
      'sockets.frames.chargeWhen: cannot be used in a limit of frames',
    ],
  ])('in a limit of %s, which has no end', async (_, options, text) => {
    expect(await startupError(() => ({ options: options as ThrottleModuleOptions }))).toContain(
      `${text}. Leave it out.`,
    );
  });
});
