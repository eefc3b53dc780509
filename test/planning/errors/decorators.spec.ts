import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, type Type } from '@nestjs/common';
import { SkipThrottle, Throttle, type ThrottleModuleOptions } from '../../../src/index.js';
import { startupError } from '../../support/application.js';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

const policies = { search: '30/min', upload: '100/min' };
const either = '@Throttle or @SkipThrottle on';
const noHandler = 'expected a handler; no route leads to this method. Move it to one, or use ThrottleService.hit().';
const noController = 'expected a controller, because a provider receives no requests. Use ThrottleService.hit() in it.';
const noInstance = 'expected a class or a method of its instances. No request leads to this member.';
const missing = 'Is an environment variable or a configuration value missing?';
const beside = 'skips a @Throttle on the same class or method. Remove one of them.';

const boots = (controller: Type, options: ThrottleModuleOptions = { policies }) =>
  startupError(() => ({ options, controllers: [controller] }));

describe('a decorator without effect stops startup', () => {
  it('on a method that is not a handler, with any name', async () => {
    @Controller()
    class HelpController {
      @Get() list() {}

      @Throttle('5/min') help() {}
    }

    @Controller()
    class SymbolController {
      @Throttle('5/min') [Symbol('help')]() {}
    }

    class BaseController {
      @SkipThrottle() help() {}
    }

    @Controller()
    class DerivedController extends BaseController {}

    expect(await boots(HelpController)).toBe(`${either} HelpController.help: ${noHandler}`);
    expect(await boots(SymbolController)).toBe(`${either} SymbolController.Symbol(help): ${noHandler}`);
    expect(await boots(DerivedController)).toBe(`${either} DerivedController.help: ${noHandler}`);
  });

  it('but not if a class removes the route of an inherited handler', async () => {
    class BaseController {
      @Throttle('5/min') @Get() list() {}
    }

    @Controller()
    class DerivedController extends BaseController {
      override list() {}
    }
    expect(await boots(DerivedController)).toBeNull();
  });

  it('on a provider or a method of one', async () => {
    @Injectable()
    @Throttle('5/min')
    class MailService {}

    @Injectable()
    class PostService {
      @SkipThrottle() send() {}
    }

    class BaseService {
      @Throttle('5/min') send() {}
    }

    @Injectable()
    class DerivedService extends BaseService {}

    const made = { provide: 'POST', useFactory: () => new PostService() };
    for (const [provider, name] of [
      [MailService, 'MailService'],
      [PostService, 'PostService'],
      [DerivedService, 'DerivedService'],
      [made, 'PostService'],
      [{ provide: 'MAIL', useValue: new MailService() }, 'MailService'],
    ] as const) {
      expect(await startupError(() => ({ options: {}, providers: [provider] }))).toBe(
        `${either} ${name}: ${noController}`,
      );
    }
  });

  it('but not on a controller that is also a provider', async () => {
    @Throttle('5/min')
    @Controller()
    class SomeController {
      @Get() list() {}
    }
    const boot = () => ({ options: {}, controllers: [SomeController], providers: [SomeController] });
    expect(await startupError(boot)).toBeNull();
  });

  it('on a static method or an accessor', async () => {
    const throttled = () => {
      class Reports {
        readonly kind = 'reports';

        @Throttle('5/min') static list() {}
      }
      return { providers: [Reports] };
    };
    const skipped = () => {
      class Reports {
        @SkipThrottle() get list() {
          return 'list';
        }
      }
      return { providers: [Reports] };
    };
    expect(await startupError(throttled)).toBe(`@Throttle on Reports.list: ${noInstance}`);
    expect(await startupError(skipped)).toBe(`@SkipThrottle on Reports.list: ${noInstance}`);
  });
});

describe('@SkipThrottle stops startup', () => {
  it.each<readonly [names: readonly unknown[], on: string, text: string]>([
    [['serach'], '("serach")', 'no policy has this name. Did you mean "search"? Known: default, search, upload.'],
    [['search', 'login'], '("login")', 'no policy has this name. Known: default, search, upload.'],
    [
      ['default-1s'],
      '("default-1s")',
      'no policy has this name. Did you mean "default"? Known: default, search, upload.',
    ],
    [[''], '("")', 'no policy has this name. Known: default, search, upload.'],
    [[['search']], '', 'expected names of policies, or no arguments, got ["search"]'],
    [[undefined], '', `expected names of policies, or no arguments, got undefined. ${missing}`],
    [['search', undefined], '', `expected names of policies, or no arguments, got undefined. ${missing}`],
    [[null], '', 'expected names of policies, or no arguments, got null'],
  ])('with %j', async (names, on, text) => {
    @Controller()
    class OnMethod {
      @SkipThrottle(...names.map(untyped)) @Get() list() {}
    }

    @SkipThrottle(...names.map(untyped))
    @Controller()
    class OnClass {
      @Get() list() {}
    }
    expect(await boots(OnMethod)).toBe(`@SkipThrottle${on} on OnMethod.list: ${text}`);
    expect(await boots(OnClass)).toBe(`@SkipThrottle${on} on OnClass: ${text}`);
  });

  it('with a @Throttle on the same class or method that it skips', async () => {
    @SkipThrottle()
    @Throttle('5/min')
    @Controller()
    class BareController {
      @Get() list() {}
    }

    @Controller()
    class NamedController {
      @Throttle('search') @SkipThrottle('search') @Get() list() {}
    }

    @Controller()
    class DefaultController {
      @Throttle('5/min') @SkipThrottle('default') @Get() list() {}
    }
    expect(await boots(BareController)).toBe(`@SkipThrottle on BareController: ${beside}`);
    expect(await boots(NamedController)).toBe(`@SkipThrottle on NamedController.list: ${beside}`);
    expect(await boots(DefaultController)).toBe(`@SkipThrottle on DefaultController.list: ${beside}`);
  });

  it('but not with one that it does not skip, or that is declared elsewhere', async () => {
    @Throttle({ rate: '9/s', name: 'burst' })
    @Throttle('5/min')
    @Controller()
    class SomeController {
      @SkipThrottle() @Get('all') all() {}

      @SkipThrottle('burst') @Get('burst') burst() {}

      @SkipThrottle('default') @Throttle('search') @Get('search') search() {}
    }
    expect(await boots(SomeController)).toBeNull();
  });
});
