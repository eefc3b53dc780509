import { Controller, Get, Inject, Post, Req, type Type } from '@nestjs/common';
import { type HttpRequest, Throttle, ThrottleService, type What } from '../../src/index.js';

/** The body of a handler. Its result is the body of the response. */
export type Act = (throttle: ThrottleService, request: HttpRequest) => unknown;

export interface Limits {
  readonly onClass?: What;
  readonly onMethod?: What;
}

/** Returns a controller at `/act` whose GET and POST handlers run a function of the test. */
export function acting(act: Act, { onClass, onMethod }: Limits = {}): Type {
  const throttle = (what: What | undefined): ClassDecorator & MethodDecorator =>
    what === undefined ? () => {} : Throttle(what);

  @throttle(onClass)
  @Controller('act')
  class ActController {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    @throttle(onMethod)
    @Get()
    run(@Req() request: HttpRequest): unknown {
      return act(this.throttle, request);
    }

    @Post()
    post(@Req() request: HttpRequest): unknown {
      return act(this.throttle, request);
    }
  }
  return ActController;
}
