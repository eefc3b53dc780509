import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import {
  by,
  definePolicy,
  type ModeOf,
  type PolicyMode,
  subjectOf,
  Throttle,
  ThrottleService,
} from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { as, OptionalGuard } from '../handler-phase/guards.js';

const strategy = 'fixed-window';
const asAsked: ModeOf = ({ request }) => String(request?.headers['x-mode']) as PolicyMode; // wrong answers are part of the tests
const ofRole: ModeOf = ({ request }) => (JSON.stringify(request?.user)?.includes('admin') ? 'off' : 'on');
const mode = (name: string) => ({ headers: { 'x-mode': name } });

@UseGuards(OptionalGuard)
@Controller()
class ModeController {
  @Throttle({ rate: '1/min', strategy, mode: asAsked })
  @Get('sync')
  sync(): string {
    return 'ok';
  }

  @Throttle({ rate: '1/min', strategy, mode: async (call) => asAsked(call) })
  @Get('async')
  async(): string {
    return 'ok';
  }

  @Throttle({ rate: '1/min', strategy, by: by.user(), mode: ofRole })
  @Get('by-user')
  byUser(): string {
    return 'ok';
  }

  @Throttle({ rate: '1/min', strategy, phase: 'handler', mode: ofRole })
  @Get('in-handler-phase')
  inHandlerPhase(): string {
    return 'ok';
  }

  @Throttle({ rate: '1/min', strategy, name: 'own', mode: 'on' })
  @Post('sync')
  own(): string {
    return 'ok';
  }
}

describe.each(adapters)('a mode that is a function of the call, on %s', (adapter) => {
  it.each(['/sync', '/async'])('is called for each call: %s', async (path) => {
    const backend = new CountedBackend();
    await using app = await startApp({ adapter, controllers: [ModeController], options: { backend } });
    expect(await app.statuses(path, 2, mode('off'))).toEqual([200, 200]);
    expect(backend.asked).toEqual([]);
    expect(await app.statuses(path, 2, mode('monitor'))).toEqual([200, 200]);
    // Units counted under `monitor` also count under `on`.
    expect(await app.statuses(path, 1, mode('on'))).toEqual([429]);
    expect(limitHeaders(await app.send(path, mode('off')))).toEqual({});
  });

  it.each(['/sync', '/async'])('fails the call if it returns anything else: %s', async (path) => {
    const errors: string[] = [];
    await using app = await startApp({ adapter, controllers: [ModeController], errors });
    expect(await app.statuses(path, 2, mode('disabled'))).toEqual([500, 500]);
    expect(errors[0]).toBe(
      `@Throttle on ModeController.${path.slice(1)}, mode: expected "on", "off" or "monitor", got "disabled"`,
    );
  });

  it.each(['/by-user', '/in-handler-phase'])(
    'sees the user if its policy is charged after all guards: %s',
    async (path) => {
      await using app = await startApp({ adapter, controllers: [ModeController] });
      const admin = as('ada', { 'x-role': 'admin' });
      expect(await app.statuses(path, 3, admin)).toEqual([200, 200, 200]);
      expect(await app.statuses(path, 2, as('bob'))).toEqual([200, 429]);
    },
  );

  it('is that of the module if a policy has none', async () => {
    const backend = new CountedBackend();
    await using app = await startApp({
      adapter,
      controllers: [ModeController],
      options: {
        backend,
        mode: 'off',
        default: '1/min',
        policies: { mail: '1/min' },
        requests: { rate: '1/min', mode: 'monitor' },
      },
    });
    expect(await app.statuses('/sync', 2, { method: 'POST', ...mode('x') })).toEqual([201, 429]);
    expect(new Set(backend.asked)).toEqual(new Set(['spend requests', 'spend own']));
    const throttle = app.app.get(ThrottleService);
    expect(await throttle.check('mail', 9, { subject: subjectOf.user(1) })).toBe(true);
  });
});

describe('the mode of the module', () => {
  it('is that of a policy that is passed to the service', async () => {
    const backend = new CountedBackend();
    await using context = await startContext({ mode: 'monitor', backend });
    const mail = definePolicy('mail', { rate: '1/min', strategy });
    const outcomes = [
      await context.throttle.hit(mail, 1, { subject: 'ada' }),
      await context.throttle.hit(mail, 1, { subject: 'ada' }),
    ];
    expect(outcomes.map(({ allowed, decisions }) => [allowed, decisions[0]?.allowed])).toEqual([
      [true, true],
      [true, false],
    ]);
  });

  it('is named in the error if the function returns anything else', async () => {
    await using context = await startContext({ mode: () => 'enabled' as PolicyMode, policies: { mail: '1/min' } });
    const wrong = 'ThrottleModule.mode: expected "on", "off" or "monitor", got "enabled"';
    await expect(context.throttle.hit('mail', 1, { subject: 'ada' })).rejects.toThrow(wrong);
  });

  it('does not lease: a leased policy that is passed to the service is refused', async () => {
    await using context = await startContext({ mode: 'monitor' });
    const leased = definePolicy('mail', { rate: '10/min', strategy, lease: { batch: 5 } });
    await expect(context.throttle.hit(leased, 1, { subject: 'ada' })).rejects.toThrow(
      'policy "mail".lease: a lease needs the mode "on", but the mode here is "monitor". Leave the lease out, or set the mode "on".',
    );
  });
});
