import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { type Backend, by, MemoryBackend, type PolicyOptions, Throttle } from '../../../src/index.js';
import { type StartupParts, startupError } from '../../support/application.js';

/** A controller with this limit. */
function limited(what: PolicyOptions | string, more?: Partial<PolicyOptions>): Type {
  @Controller('reports')
  class ReportsController {
    @(more === undefined ? Throttle(what) : Throttle(what, more)) @Get() list() {}
  }
  return ReportsController;
}

const policies = (options: object): StartupParts => ({
  options: { policies: { api: { rate: '5/min', ...options } as PolicyOptions } },
});
const OPTION =
  'policies.api.overrides: expected true, for the charged subject, or a function such as by.user(), or a list of such functions';

class OnlyLimits implements Backend {
  readonly #memory = new MemoryBackend();
  readonly spend = this.#memory.spend.bind(this.#memory);
  readonly peek = this.#memory.peek.bind(this.#memory);
  readonly settle = this.#memory.settle.bind(this.#memory);
  readonly reset = this.#memory.reset.bind(this.#memory);
}

describe('a policy that may be overridden stops startup', () => {
  it.each<readonly [what: string, boot: StartupParts, message: string]>([
    ['if it is not said by whom', policies({ overrides: 'user' }), `${OPTION}, got "user"`],
    ['if it is false', policies({ overrides: false }), `${OPTION}, got false`],
    ['if nobody is in the list', policies({ overrides: [] }), `${OPTION}, got an empty list`],
    ['if the list has more than functions', policies({ overrides: [by.user(), true] }), `${OPTION}, got a list of 2`],
    [
      'if a maker of functions was not called',
      policies({ overrides: [by.ip(), by.user] }),
      'policies.api.overrides: by.user was passed without being called. Write by.user().',
    ],
    [
      'with a lease',
      policies({ overrides: true, strategy: 'fixed-window', lease: { batch: 1 } }),
      'policies.api.overrides: cannot be combined with a lease, because leased units are spent at one rate for all subjects. Leave one of the two options out.',
    ],
    [
      'with several rates',
      policies({ rate: '5/s; 50/min', overrides: true }),
      'policies.api.overrides: an override replaces one rate, but this policy has 2. Make each rate a separate policy.',
    ],
    [
      'with several rates under a plan',
      {
        options: {
          policies: { api: { rate: '5/min', overrides: true } },
          plans: { of: () => 'free', default: 'free', tiers: { free: { api: '5/s; 50/min' } } },
        },
      },
      'policies.api.overrides: an override replaces one rate, but plans.tiers.free.api has 2. Make each rate a separate policy.',
    ],
    [
      'without any rate',
      policies({ rate: 'unlimited', overrides: true }),
      'policies.api.overrides: an override replaces a rate, but this policy is unlimited.',
    ],
    [
      'without a name of its own',
      { options: { default: [{ rate: '5/min', overrides: true }, '50/h'] } },
      'default[0].overrides: an override refers to its policy by name, and this one has no name. Add { name: "..." }.',
    ],
    [
      'on a handler',
      { options: {}, controllers: [limited({ rate: '5/min', name: 'own', overrides: true })] },
      '@Throttle on ReportsController.list, overrides: only a policy of the module can have overrides. Move the limit there, policies: { name: { rate, overrides } }, and refer to it by name.',
    ],
    [
      'beside a rate on a handler',
      { options: {}, controllers: [limited('5/min', { overrides: true })] },
      '@Throttle on ReportsController.list, overrides: only a policy of the module can have overrides.',
    ],
    [
      'where a policy is used',
      { options: { policies: { api: '5/min' } }, controllers: [limited('api', { overrides: true })] },
      '@Throttle("api") on ReportsController.list: "overrides" cannot be set where the policy "api" is used. Change policies.api, or set only',
    ],
    [
      'of all requests',
      { options: { requests: { rate: '5/min', overrides: true } } },
      'overrides: cannot be used in a limit of requests. Leave it out.',
    ],
    [
      'on a backend that stores none',
      { options: { backend: new OnlyLimits(), policies: { api: { rate: '5/min', overrides: true } } } },
      'policy "api": `overrides` needs a backend that stores limits that change at run time, and OnlyLimits has no `settings`. Leave `overrides` out, or use another backend.',
    ],
  ])('%s', async (_, boot, message) => {
    expect(await startupError(() => boot)).toContain(message);
  });
});
