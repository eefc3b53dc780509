import { Controller, Get, Inject, Post, Req, type Type } from '@nestjs/common';
import { type HttpRequest, Throttle, ThrottleService, type What } from '../../src/index.js';

/** What a handler does; what it returns is the body of the answer. */
export type Act = (throttle: ThrottleService, request: HttpRequest) => unknown;

export interface Limits {
  readonly onClass?: What;
  readonly onMethod?: What;
}

/** A controller at `/act` whose handler, GET and POST, does what a test says. */
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
