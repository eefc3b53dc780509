import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Scope } from '@nestjs/common';
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

  it('answers an error if the replaced method cannot be identified', async () => {
    await using app = await startApp({ adapter, controllers: [UnknownController] });
    expect(await app.statuses('/unknown', 1)).toEqual([500]);
  });
});
