import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type, UseGuards } from '@nestjs/common';
import { by, type Call, type PolicyOptions, Throttle } from '../../../src/index.js';
import { startupError } from '../../support/application.js';
import { adapters, startApp } from '../../support/http-app.js';
import { AuthGuard, as } from './guards.js';

const strategy = 'fixed-window';
const userIn = ({ request }: Call) => Object(request?.user);

function controllers(what: PolicyOptions): Type[] {
  @UseGuards(AuthGuard)
  @Controller()
  class NotesController {
    @Throttle(what)
    @Get('notes')
    list(): string {
      return 'notes';
    }
  }
  return [NotesController];
}

describe.each(adapters)('the option phase, on %s', (adapter) => {
  const handler = { strategy, phase: 'handler', rate: '2/min' } as const;

  it('calls functions of the user after the guards', async () => {
    const asked: unknown[] = [];
    const note = <T>(call: Call, value: T): T => {
      asked.push(userIn(call).id);
      return value;
    };
    const what: PolicyOptions = {
      ...handler,
      rate: (call) => note(call, userIn(call).role === 'member' ? '4/min' : '8/min'),
      by: (call) => note(call, `account:${userIn(call).id}`),
      cost: (call) => note(call, 2 * userIn(call).units),
      skip: (call) => note(call, userIn(call).role === 'root'),
    };
    await using app = await startApp({ adapter, controllers: controllers(what) });
    expect((await app.send('/notes', as('ann'))).headers.ratelimit).toBe('"default";r=2;t=60');
    expect(await app.statuses('/notes', 2, as('ann'))).toEqual([200, 429]);
    expect(await app.statuses('/notes', 5, as('ben', { 'x-role': 'boss' }))).toEqual([200, 200, 200, 200, 429]);
    expect(await app.statuses('/notes', 5, as('cat', { 'x-role': 'root' }))).toEqual([200, 200, 200, 200, 200]);
    expect(asked).not.toContain(undefined);
    // Nothing is known of a call that the guard refuses, so functions are not asked.
    expect(await app.statuses('/notes', 2)).toEqual([401, 401]);
    expect(asked).not.toContain(undefined);
  });

  it.each([
    ['`by`', { ...handler, by: (call: Call) => userIn(call).id }],
    ['`cost`', { ...handler, by: by.user(), cost: (call: Call) => userIn(call).units }],
    ['an address', { ...handler, by: by.ip(), rate: '2/min' }],
  ])('charges refused calls to the address if a function gives %s', async (_title, what: PolicyOptions) => {
    await using app = await startApp({ adapter, controllers: controllers(what) });
    expect(await app.statuses('/notes', 5)).toEqual([401, 401, 429, 429, 429]);
  });

  it('leaves limits without it, and with "guard", to the guard', async () => {
    for (const what of [
      { rate: '2/min', strategy, by: by.user(), phase: 'guard' },
      { rate: '2/min', strategy },
    ] as const) {
      await using app = await startApp({ adapter, controllers: controllers(what) });
      const users = ['ann', 'ben', 'cat'];
      const answers = [];
      for (const user of users) answers.push((await app.send('/notes', as(user))).status);
      expect(answers).toEqual([200, 200, 429]);
    }
  });

  it('may be set where a policy of the module is used, or in the module', async () => {
    const account = { rate: '2/min', strategy, by: (call: Call) => userIn(call).id } as const;
    const policies = { account, late: { ...account, phase: 'handler' } } as const;

    @UseGuards(AuthGuard)
    @Controller()
    class NotesController {
      @Throttle('account', { phase: 'handler' })
      @Get('said-here')
      here(): string {
        return 'here';
      }

      @Throttle('late')
      @Get('said-there')
      there(): string {
        return 'there';
      }
    }
    await using app = await startApp({ adapter, controllers: [NotesController], options: { policies } });
    for (const path of ['/said-here', '/said-there']) {
      for (const user of ['ann', 'ben', 'cat']) {
        expect(await app.statuses(path, 3, as(user))).toEqual([200, 200, 429]);
      }
    }
  });
});

describe('an invalid phase', () => {
  it.each(['Handler', 'before', true, 1, null, {}])('stops startup: %j', async (phase) => {
    const what: PolicyOptions = { rate: '5/min', ...Object({ phase }) };
    expect(await startupError(() => ({ options: {}, controllers: controllers(what) }))).toMatch(
      /^@Throttle on NotesController\.list, phase: expected "guard" or "handler", got /,
    );
  });

  it('is any phase for connections and frames', async () => {
    const limit = { rate: '5/min', phase: 'handler' } as const;
    expect(await startupError(() => ({ options: { sockets: { frames: limit } } }))).toBe(
      'ThrottleModule.sockets.frames.phase: cannot be used in a limit of frames. Leave it out.',
    );
  });
});
