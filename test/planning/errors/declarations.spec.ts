import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { Throttle } from '../../../src/index.js';
import { startupError } from '../../support/application.js';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

const policies = { search: '30/min', upload: '100/min' };
const known =
  'Known: rate, concurrency, name, scope, unit, onError, strategy, burst, segments, lease, block, overrides, timeZone, anchor, rollover, thresholds, cost, by, id, manual, phase, mode, chargeWhen, skip, headers, message, onDenied, context.';
const uses = 'cost, by, id, manual, phase, mode, chargeWhen, skip, headers, message, onDenied, context';
const aWhat = 'expected a rate such as "5/min", a policy\'s name, options with a rate, or a list of these';
const aMore = 'expected a cost (a whole number, or a function of the call) or options';
const aCost = 'expected a whole number of at least 1, or a function of the call (a cost of 0 would never limit)';
const aLine = 'expected a rate such as "5/min", or the name of a policy';
const form = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';

const missing = 'Is an environment variable or a configuration value missing?';
const throttle = (args: readonly unknown[]): ClassDecorator & MethodDecorator =>
  Reflect.apply(Throttle, undefined, args);

const boots = (controller: Type) => startupError(() => ({ options: { policies }, controllers: [controller] }));

describe('@Throttle', () => {
  it.each<readonly [args: readonly unknown[], on: string, text: string]>([
    [[], '', `${aWhat}, got undefined. ${missing}`],
    [[undefined], '', `${aWhat}, got undefined. ${missing}`],
    [[['5/min', undefined]], '', `${aWhat}, got undefined. ${missing}`],
    [[null], '', `${aWhat}, got null`],
    [[5], '', `${aWhat}, got 5 (number)`],
    [
      ['5/min', undefined],
      '',
      `, second argument: ${aMore}, got undefined. ${missing} Leave the argument out for a cost of 1.`,
    ],
    [[[]], '', `${aWhat}, got an empty list`],
    [[['5/min', []]], '', `${aWhat}, got an empty list`],
    [[['5/min', 5]], '', `${aWhat}, got 5 (number)`],
    [[() => '5/min'], '', `${aWhat}, got a function`],
    [['5/fortnight'], '', `, rate: ${form}, got "5/fortnight"`],
    [[''], '', `${aLine}, got ""`],
    [['-5/min'], '', `${aLine}, got "-5/min"`],
    [['five per minute'], '', `${aLine}, got "five per minute"`],
    [['serach'], '("serach")', 'no policy has this name. Did you mean "search"? Known: search, upload.'],
    [['login'], '("login")', 'no policy has this name. Known: search, upload.'],
    [['default'], '("default")', 'no policy has this name. Known: search, upload.'],
    [['5/min', '6/min'], '', `, second argument: ${aMore}, got "6/min"`],
    [['5/min', null], '', `, second argument: ${aMore}, got null`],
    [['5/min', [5]], '', `, second argument: ${aMore}, got [5]`],
    [['5/min', 0], '', `, cost: ${aCost}, got 0 (number)`],
    [['5/min', -1], '', `, cost: ${aCost}, got -1 (number)`],
    [
      ['5/min', 6],
      '',
      ', cost: a cost of 6 can never pass, because the limit grants at most 5 at once. Lower the cost, or raise the rate.',
    ],
    [['5/min', { rate: '6/min' }], '', ', rate: expected none beside "5/min", got "6/min"'],
    [['5/min', { cots: 5 }], '', `there is no option "cots". Did you mean "cost"? ${known}`],
    [
      ['search', 31],
      '("search")',
      ', cost: a cost of 31 can never pass, because the limit grants at most 30 at once. Lower the cost, or raise the rate.',
    ],
    [['search', 0], '("search")', `, cost: ${aCost}, got 0 (number)`],
    [['search', { by: 'ip' }], '("search")', ', by: expected a function such as by.ip() or by.user(), got "ip"'],
    [
      ['search', { context: 5 }],
      '("search")',
      ', context: expected an object; its scope, if set, is a string, got 5 (number)',
    ],
    ...['rate', 'name', 'strategy', 'burst', 'segments', 'scope', 'onError'].map(
      (option): readonly [readonly unknown[], string, string] => [
        ['search', { [option]: '9/min' }],
        '("search")',
        `"${option}" cannot be set where the policy "search" is used. Change policies.search, or set only ${uses} here.`,
      ],
    ),
    [[['search', 'search']], '("search")', 'two policies are named "search" here. Rename one of them.'],
    [
      [{ rate: '5/min', name: 'search' }],
      '',
      'the module already has a policy named "search". Use it, @Throttle("search"), or choose another name.',
    ],
    [
      [
        [
          { rate: '5/min', name: 'burst' },
          { rate: '5/s', name: 'burst' },
        ],
      ],
      '',
      'two policies are named "burst" here. Rename one of them.',
    ],
    [
      [['5/min', '9/min']],
      '',
      'two unnamed limits have the same period here, so both would be named "default-1m". Name one of them: { name: "..." }.',
    ],
    [
      [
        [
          { rate: '5/s; 9/min', name: 'burst' },
          { rate: '3/s', name: 'burst-1s' },
        ],
      ],
      '',
      'two unnamed limits have the same period here, so both would be named "burst-1s". Name one of them: { name: "..." }.',
    ],
    [
      [['5/min', { rate: () => '9/s' }]],
      '',
      'a rate that is a function needs a name if there is another limit. Add { name: "..." }.',
    ],
    [['5/min', { id: '' }], '', ', id: expected the name of the budget, a string, got ""'],
    [['5/min', { id: 7 }], '', ', id: expected the name of the budget, a string, got 7 (number)'],
    [
      ['5/min', { id: 'x', scope: 'app' }],
      '',
      ', id: names the budget of a handler or a class, but the budget of this limit belongs to the application. Leave it out, or add scope: "handler" or "class".',
    ],
    [
      ['5/min', { id: 'x', scope: { group: 'g' } }],
      '',
      ', id: names the budget of a handler or a class, but the budget of this limit belongs to the group "g". Leave it out, or add scope: "handler" or "class".',
    ],
    [
      ['search', { id: 'x' }],
      '("search")',
      ', id: names the budget of a handler or a class, but the budget of this limit belongs to the application. Leave it out, or add scope: "handler" or "class".',
    ],
  ])('stops startup with %j', async (args, on, text) => {
    @Controller()
    class OnMethod {
      @throttle(args) @Get() list() {}
    }

    @throttle(args)
    @Controller()
    class OnClass {
      @Get() list() {}
    }
    const rest = text.startsWith(',') ? text : `: ${text}`;
    expect(await boots(OnMethod)).toBe(`@Throttle${on} on OnMethod.list${rest}`);
    expect(await boots(OnClass)).toBe(`@Throttle${on} on OnClass${rest}`);
  });

  it('stops startup if two stacked limits would be one', async () => {
    @Controller()
    class StackedController {
      @Throttle('5/min') @Throttle('9/min') @Get() list() {}
    }
    expect(await boots(StackedController)).toBe(
      '@Throttle on StackedController.list: two unnamed limits have the same period here, so both would be named "default-1m". Name one of them: { name: "..." }.',
    );
  });

  it('stops startup for a policy name if there are no policies', async () => {
    @Controller()
    class LostController {
      @Throttle('login') @Get() list() {}
    }
    expect(await startupError(() => ({ options: {}, controllers: [LostController] }))).toBe(
      '@Throttle("login") on LostController.list: no policy has this name. None are known. Add it: ThrottleModule.forRoot({ policies: { ... } }).',
    );
  });

  it('stops startup for a mistake in a limit that a nearer one replaces', async () => {
    // @ts-expect-error the compiler refuses it, too
    @Throttle('5/fortnight')
    @Controller()
    class OverruledController {
      @Throttle('5/min') @Get() list() {}
    }
    expect(await boots(OverruledController)).toBe(`@Throttle on OverruledController, rate: ${form}, got "5/fortnight"`);
  });

  it('stops startup for an unknown policy on a class without handlers', async () => {
    @Throttle('serach')
    @Controller()
    class EmptyController {}
    expect(await boots(EmptyController)).toBe(
      '@Throttle("serach") on EmptyController: no policy has this name. Did you mean "search"? Known: search, upload.',
    );
  });

  it.each<readonly [scope: unknown]>([['app'], ['class'], [{ group: 'g' }]])(
    'stops startup if a limit in the scope %j has the name of a rate of another',
    async (scope) => {
      @Controller()
      class PairController {
        @Throttle('5/s; 9/min', { name: 'api', scope: untyped(scope) }) @Get('first') first() {}

        @Throttle('9/h', { name: 'api-1s', scope: untyped(scope) }) @Get('second') second() {}
      }
      expect(await boots(PairController)).toBe(
        '@Throttle on PairController.second: the name "api-1s" is already used by a rate of @Throttle on PairController.first. Rename one of the two limits.',
      );
    },
  );

  it('stops startup if two limits of a handler would have one name in its headers', async () => {
    @Throttle({ rate: '5/s; 9/min', name: 'api' })
    @Controller()
    class NestedController {
      @Throttle({ rate: '3/s', name: 'api-1s' }) @Get() list() {}
    }
    expect(await boots(NestedController)).toBe(
      '@Throttle on NestedController.list: the name "api-1s" is already used by a rate of @Throttle on NestedController. Rename one of the two limits.',
    );
  });

  it('starts with such limits on handlers that have only one of them', async () => {
    @Throttle({ rate: '5/s; 9/min', name: 'api' })
    @Controller()
    class ApartController {
      @Throttle({ rate: '3/h', name: 'api' })
      @Throttle({ rate: '3/s', name: 'api-1s' })
      @Get()
      list() {}

      @Get('other') other() {}
    }
    expect(await boots(ApartController)).toBeNull();
  });
});
