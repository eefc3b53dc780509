import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { definePolicy, type Policy, subjectOf, Throttle, type ThrottleService } from '../../src/index.js';
import { rejectedProblem } from '../support/config-error.js';
import { adapters, startApp } from '../support/http-app.js';
import { acting } from '../support/scripted-handler.js';
import { startContext } from '../support/service-app.js';

const policies = {
  upload: '10/min',
  search: '30/min',
  each: { rate: '5/min', scope: 'handler' as const },
  classy: { rate: '5/min', scope: 'class' as const },
  grouped: { rate: '5/min', scope: { group: 'reports' } },
};
const ada = { subject: subjectOf.user('ada') };

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

describe('an invalid use of the service', () => {
  const knownNames = 'Known: upload, search, each, classy, grouped.';
  const policy: Policy = definePolicy('jobs', '5/min');

  it.each<readonly [string, (throttle: ThrottleService) => Promise<unknown>, string]>([
    [
      'an unknown policy',
      (throttle) => throttle.hit('serach', 1, ada),
      `hit("serach"): no policy has this name. Did you mean "search"? ${knownNames}`,
    ],
    ['a rate', (throttle) => throttle.hit('5/min', 1, ada), `hit("5/min"): no policy has this name. ${knownNames}`],
    [
      'the default where there is none',
      (throttle) => throttle.hit('default', 1, ada),
      `hit("default"): no policy has this name. ${knownNames}`,
    ],
    [
      'no policy outside a call',
      (throttle) => throttle.hit(1, ada),
      'hit() without a policy uses the limits of the handler, but ThrottleGuard and ThrottleInterceptor have seen no handler here. Name a policy, hit("name"), or pass { on: context }.',
    ],
    [
      'no policy outside a call, of stat',
      (throttle) => throttle.stat(),
      'stat() without a policy uses the limits of the handler, but ThrottleGuard and ThrottleInterceptor have seen no handler here. Name a policy, stat("name"), or pass { on: context }.',
    ],
    [
      'what is no policy',
      (throttle) => throttle.check(untyped({ name: 'jobs' }), 1, ada),
      "check(): expected a policy's name, or a policy that definePolicy() made, got an object with name",
    ],
    [
      'null as the policy',
      (throttle) => throttle.reset(untyped(null), ada),
      "reset(): expected a policy's name, or a policy that definePolicy() made, got null",
    ],
    [
      'a budget a handler outside a call',
      (throttle) => throttle.hit('each', 1, ada),
      'policies.each: has a budget for each handler, but there is no handler here. Call this within a request, or set the scope "app" or { group }.',
    ],
    [
      'a budget a class outside a call',
      (throttle) => throttle.hit('classy', 1, ada),
      'policies.classy: has a budget for each class, but there is no handler here. Call this within a request, or set the scope "app" or { group }.',
    ],
    [
      'an empty subject',
      (throttle) => throttle.hit('upload', 1, { subject: '' }),
      'subject: expected a string that is not empty, got ""',
    ],
    [
      'a subject that is no text',
      (throttle) => throttle.hit(policy, 1, { subject: untyped(42) }),
      'subject: expected a string that is not empty, got 42 (number)',
    ],
    [
      'a text as options',
      (throttle) => throttle.hit('upload', 1, untyped('ada')),
      'hit(): expected options { on?, response?, subject?, context? } as the last argument, got "ada"',
    ],
    [
      'an unknown option',
      (throttle) => throttle.hit('upload', 1, untyped({ subjct: 'ada' })),
      'hit(): there is no option "subjct". Did you mean "subject"? Known: on, response, subject, context.',
    ],
    [
      'a context that is no object',
      (throttle) => throttle.hit('upload', 1, { ...ada, context: untyped('acme') }),
      'hit({ context }): expected an object, got "acme"',
    ],
    [
      'a scope that is no text',
      (throttle) => throttle.hit('upload', 1, { ...ada, context: { scope: untyped(5) } }),
      'policies.upload.context.scope: expected a string, got 5 (number)',
    ],
    [
      'what is neither a request nor a context',
      (throttle) => throttle.hit('upload', 1, { on: { ip: '1.2.3.4' } }),
      'hit({ on }): expected an ExecutionContext, a request or a socket, got an object with ip',
    ],
  ])('is an error: %s', async (_, use, message) => {
    await using context = await startContext({ policies });
    expect(await rejectedProblem(use(context.throttle))).toBe(message);
  });

  it('rejects instead of throwing, even if the result is available at once', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    const answers = [
      throttle.consume('nobody', 1, ada),
      throttle.consume('upload', -1, ada),
      throttle.consume('upload'),
    ];
    expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
  });

  it('is an error that says how to pass a subject if there is none', async () => {
    await using context = await startContext({ policies });
    await expect(context.throttle.hit('upload')).rejects.toThrow(
      new Error(
        'There is no call here, so there is no subject to charge. Pass one: { subject: subjectOf.user(42) }, or { on: request }.',
      ),
    );
  });

  it('is not an error if the scope is a group', async () => {
    await using context = await startContext({ policies });
    expect((await context.throttle.hit('grouped', 2, ada)).binding?.remaining).toBe(3);
  });
});

@Controller('late')
class LateController {
  @Throttle('5/min') @Get() list() {}
}

describe.each(adapters)('on %s', (adapter) => {
  it('a budget per handler is that of the handler of the call', async () => {
    const act = async (throttle: ThrottleService) => ({ left: (await throttle.hit('each', 2)).binding?.remaining });
    await using app = await startApp({
      adapter,
      controllers: [acting(act, { onMethod: 'each' }), LateController],
      options: { policies },
    });
    expect((await app.send('/act')).body).toEqual({ left: 2 });
  });
});
