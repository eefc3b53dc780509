import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  bindInterceptors,
  guardsOn,
  injectedInto,
  interceptorsOn,
  isClass,
  isGateway,
  isMicroserviceHandler,
  isResolver,
  isRoute,
  isSocketHandler,
  ownInterceptorsOn,
  serverOf,
} from '../../../src/module/discovery/nest-metadata.js';

class Guard {
  canActivate(): boolean {
    return true;
  }
}

const interceptor: NestInterceptor = { intercept: (_, next) => next.handle() };

@UseGuards(Guard)
@Controller('reports')
class ReportsController {
  @Get() list() {}

  // @nestjs/microservices is not installed; this is what its decorators write.
  @SetMetadata('microservices:pattern', ['reports'])
  report() {}

  other() {}
}

@UseInterceptors(interceptor)
@WebSocketGateway(8080, { namespace: 'chat', path: '/sockets' })
class ChatGateway {
  @SubscribeMessage('say') say() {}
}

@WebSocketGateway()
class PlainGateway {}

class DerivedGateway extends ChatGateway {}

@Injectable()
class Holder {
  @Inject('property') readonly property: unknown;

  constructor(@Inject('parameter') readonly parameter: unknown) {}
}

describe('metadata that Nest’s decorators write', () => {
  it('shows which methods are handlers', () => {
    expect(['list', 'report', 'other'].map((method) => isRoute(ReportsController, method))).toEqual([
      true,
      false,
      false,
    ]);
    expect(['list', 'report', 'other'].map((method) => isMicroserviceHandler(ReportsController, method))).toEqual([
      false,
      true,
      false,
    ]);
    expect(isSocketHandler(ChatGateway, 'say')).toBe(true);
    expect(isSocketHandler(ReportsController, 'list')).toBe(false);
  });

  it('shows gateways and resolvers', () => {
    expect([ChatGateway, PlainGateway, ReportsController].map(isGateway)).toEqual([true, true, false]);
    class Reports {}
    expect(isResolver(Reports)).toBe(false);
    SetMetadata('graphql:resolver_type', 'Report')(Reports);
    expect(isResolver(Reports)).toBe(true);
  });

  it('contains the server of a gateway, by default that of the application', () => {
    expect(serverOf(ChatGateway)).toEqual({ port: 8080, options: { namespace: 'chat', path: '/sockets' } });
    expect(serverOf(PlainGateway)).toEqual({ port: 0, options: {} });
  });

  it('contains guards', () => {
    expect(guardsOn(ReportsController)).toEqual([Guard]);
    expect(guardsOn(ReportsController.prototype.list)).toEqual([undefined]);
  });

  it('contains interceptors, which can be bound to one class of a chain', () => {
    expect(interceptorsOn(DerivedGateway)).toEqual([interceptor]);
    expect(ownInterceptorsOn(DerivedGateway)).toEqual([]);
    const own: NestInterceptor = { ...interceptor };
    bindInterceptors(DerivedGateway, [own]);
    expect(interceptorsOn(DerivedGateway)).toEqual([own]);
    bindInterceptors(DerivedGateway, []);
    expect(interceptorsOn(DerivedGateway)).toEqual([interceptor]);
    expect(interceptorsOn(ChatGateway)).toEqual([interceptor]);
  });

  it('contains the injection tokens of a class', () => {
    expect(injectedInto(Holder)).toEqual(expect.arrayContaining(['parameter', 'property']));
    expect(injectedInto(Guard)).toEqual([]);
  });
});

describe('isClass', () => {
  it('is true for classes and functions that can be constructed', () => {
    expect([ReportsController, function Legacy() {}].map(isClass)).toEqual([true, true]);
    expect([() => {}, ReportsController.prototype.list, {}, null, undefined].map(isClass)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
