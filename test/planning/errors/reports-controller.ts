import { Controller, Get, type Type } from '@nestjs/common';

/** Returns a controller with one handler, `list`, to which the decorators are applied. */
export function reports(...decorators: readonly MethodDecorator[]): Type {
  @Controller()
  class ReportsController {
    @Get('reports')
    list(): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(ReportsController.prototype, 'list');
  if (descriptor === undefined) throw new Error('no method');
  for (const decorate of decorators) decorate(ReportsController.prototype, 'list', descriptor);
  return ReportsController;
}
