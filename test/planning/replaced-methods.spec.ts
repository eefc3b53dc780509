import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Scope } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { SkipThrottle, Throttle } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';

/** As a tracer does: the function that Nest routes to has another identity, and no name. */
const traced = (method: () => string) => (): string => method();

@Controller('traced')
class TracedController {
  constructor() {
    this.list = traced(this.list.bind(this));
  }

  @Throttle('2/min')
  @Get()
  list(): string {
    return 'list';
  }
}

@Controller({ path: 'bound', scope: Scope.REQUEST })
class BoundController {
  constructor() {
    this.list = this.list.bind(this);
  }

  @Throttle('2/min')
  @Get()
  list(): string {
    return 'list';
  }
}

@Controller({ path: 'unknown', scope: Scope.REQUEST })
class UnknownController {
  constructor() {
    const list = this.list.bind(this);
    this.list = function open() {
      return list();
    };
  }

  @Throttle('2/min')
  @Get()
  list(): string {
    return 'list';
  }

  @SkipThrottle()
  @Get('open')
  open(): string {
    return 'open';
  }
}

@Throttle('2/min')
@Controller({ path: 'class', scope: Scope.REQUEST })
class ClassController {
  constructor() {
    this.list = traced(this.list.bind(this));
  }

  @Get()
  list(): string {
    return 'list';
  }
}

describe.each(adapters)('a method that the instance replaces, on %s', (adapter) => {
  it.each([
    ['/traced', TracedController],
    ['/bound', BoundController],
    ['/class', ClassController],
  ])('keeps its limit: %s', async (path, controller) => {
    await using app = await startApp({ adapter, controllers: [controller] });
    expect(await app.statuses(path, 3)).toEqual([200, 200, 429]);
  });

  it('has the limits of its class if its function has the name of another method, and the replaced one is unknown', async () => {
    const warnings: string[] = [];
    const options = { default: '3/min' };
    await using app = await startApp({ adapter, controllers: [UnknownController], options, warnings });
    expect(await app.statuses('/unknown', 4)).toEqual([200, 200, 200, 429]);
    expect(await app.statuses('/unknown/open', 4)).toEqual([200, 200, 200, 200]);
    expect(warnings).toEqual([expect.stringMatching(/^UnknownController: .*Copy the name/)]);
  });

  it('causes no warning if no method of its class has a limit of its own', async () => {
    const warnings: string[] = [];
    await using app = await startApp({ adapter, controllers: [ClassController], warnings });
    expect(await app.statuses('/class', 1)).toEqual([200]);
    expect(warnings).toEqual([]);
  });

  it('keeps its limit in each module that the class is registered in', async () => {
    @Module({ controllers: [TracedController] })
    class FirstModule {}

    @Module({ controllers: [TracedController] })
    class SecondModule {}

    const imports = [
      FirstModule,
      SecondModule,
      RouterModule.register([
        { path: 'first', module: FirstModule },
        { path: 'second', module: SecondModule },
      ]),
    ];
    const warnings: string[] = [];
    await using app = await startApp({ adapter, imports, warnings });
    expect(await app.statuses('/first/traced', 1)).toEqual([200]);
    expect(await app.statuses('/second/traced', 2)).toEqual([200, 429]);
    expect(warnings).toEqual([]);
  });
});
