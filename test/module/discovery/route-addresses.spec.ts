import { describe, expect, it } from '@jest/globals';
import {
  All,
  Controller,
  Delete,
  Get,
  Head,
  type INestApplication,
  Module,
  Patch,
  Post,
  RequestMethod,
  VERSION_NEUTRAL,
  Version,
  VersioningType,
} from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, ModulesContainer, RouterModule } from '@nestjs/core';
import { isClass } from '../../../src/module/discovery/nest-metadata.js';
import { RouteAddresses } from '../../../src/module/discovery/route-addresses.js';
import { methodsOf } from '../../../src/planning/class-members.js';
import { type AppOptions, adapters, startApp } from '../../support/http-app.js';

@Controller('reports')
class PlainController {
  @Get() list() {}
  @Get(':id') find() {}
  @Post('/') create() {}
  @Patch(':id/') change() {}
  @Head('head') head() {}
  @All('all') all() {}
}

@Controller()
class RootController {
  @Get() root() {}
  @Get('health') health() {}
}

@Controller(['/b/', 'a'])
class ArraysController {
  @Get(['two', '/one']) list() {}
  @Delete() remove() {}
}

@Controller({ path: 'reports', version: ['2', '1'] })
class VersionedController {
  @Get() list() {}
  @Version('3') @Get('third') third() {}
  @Version(['5', '4']) @Get('later') later() {}
  @Version(VERSION_NEUTRAL) @Get('neutral') neutral() {}
  @Version([VERSION_NEUTRAL, '1']) @Get('v1/both') both() {}
}

@Controller('plain')
class UnversionedController {
  @Get() list() {}
}

@Controller({ path: 'hosted', host: 'api.example.com' })
class HostController {
  @Get() list() {}
}

@Controller({ path: 'hosted', host: ['b.example.com', /^a\./], version: '1' })
class HostsController {
  @Get() list() {}
}

class BaseController {
  @Get('list') list() {}
  @Get('find') find() {}
}

@Controller('derived')
class DerivedController extends BaseController {
  @Get('found') override find() {}
}

@Controller('sibling')
class SiblingController extends BaseController {}

@Module({ controllers: [PlainController] })
class FirstModule {}

@Module({ controllers: [RootController, PlainController] })
class SecondModule {}

const all = { path: 'health', method: RequestMethod.ALL };

interface Case {
  readonly how: string;
  readonly app: Pick<AppOptions, 'controllers' | 'imports'>;
  readonly prepare?: (app: INestApplication) => void;
  /** By class and method. */
  readonly expected: Readonly<Record<string, readonly string[]>>;
}

const cases: readonly Case[] = [
  {
    how: 'methods and paths',
    app: { controllers: [PlainController, RootController] },
    expected: {
      'PlainController.list': ['GET /reports'],
      'PlainController.find': ['GET /reports/:id'],
      'PlainController.create': ['POST /reports'],
      'PlainController.change': ['PATCH /reports/:id'],
      'PlainController.head': ['HEAD /reports/head'],
      'PlainController.all': ['ALL /reports/all'],
      'RootController.root': ['GET /'],
      'RootController.health': ['GET /health'],
    },
  },
  {
    how: 'arrays of paths',
    app: { controllers: [ArraysController] },
    expected: {
      'ArraysController.list': ['GET /b/two', 'GET /b/one', 'GET /a/two', 'GET /a/one'],
      'ArraysController.remove': ['DELETE /b', 'DELETE /a'],
    },
  },
  {
    how: 'inherited handlers',
    app: { controllers: [DerivedController, SiblingController] },
    expected: {
      'DerivedController.list': ['GET /derived/list'],
      'DerivedController.find': ['GET /derived/found'],
      'SiblingController.list': ['GET /sibling/list'],
      'SiblingController.find': ['GET /sibling/find'],
    },
  },
  {
    how: 'a global prefix with exclusions',
    app: { controllers: [PlainController, RootController] },
    prepare: (app) =>
      app.setGlobalPrefix('/api/', {
        exclude: [all, 'reports/:id', { path: 'reports', method: RequestMethod.POST }],
      }),
    expected: {
      'PlainController.list': ['GET /api/reports'],
      'PlainController.find': ['GET /reports/:id'],
      'PlainController.create': ['POST /reports'],
      'PlainController.change': ['PATCH /reports/:id'],
      'PlainController.head': ['HEAD /reports/head'],
      'PlainController.all': ['ALL /reports/all'],
      'RootController.root': ['GET /api'],
      'RootController.health': ['GET /health'],
    },
  },
  {
    how: 'paths of modules, and a class in two of them',
    app: {
      imports: [
        FirstModule,
        SecondModule,
        RouterModule.register([
          { path: '/first/', module: FirstModule },
          { path: 'outer', children: [{ path: 'inner', module: SecondModule }] },
        ]),
      ],
    },
    prepare: (app) => app.setGlobalPrefix('api'),
    expected: {
      'PlainController.list': ['GET /api/first/reports', 'GET /api/outer/inner/reports'],
      'PlainController.find': ['GET /api/first/reports/:id', 'GET /api/outer/inner/reports/:id'],
      'PlainController.create': ['POST /api/first/reports', 'POST /api/outer/inner/reports'],
      'PlainController.change': ['PATCH /api/first/reports/:id', 'PATCH /api/outer/inner/reports/:id'],
      'PlainController.head': ['HEAD /api/first/reports/head', 'HEAD /api/outer/inner/reports/head'],
      'PlainController.all': ['ALL /api/first/reports/all', 'ALL /api/outer/inner/reports/all'],
      'RootController.root': ['GET /api/outer/inner'],
      'RootController.health': ['GET /api/outer/inner/health'],
    },
  },
  {
    how: 'versions in the path',
    app: { controllers: [VersionedController, UnversionedController] },
    prepare: (app) => {
      app.setGlobalPrefix('api', { exclude: ['reports/third'] });
      app.enableVersioning({ type: VersioningType.URI });
    },
    expected: {
      'VersionedController.list': ['GET /api/v2/reports', 'GET /api/v1/reports'],
      'VersionedController.third': ['GET /v3/reports/third'],
      'VersionedController.later': ['GET /api/v5/reports/later', 'GET /api/v4/reports/later'],
      'VersionedController.neutral': ['GET /api/reports/neutral'],
      'VersionedController.both': ['GET /api/reports/v1/both', 'GET /api/v1/reports/v1/both'],
      'UnversionedController.list': ['GET /api/plain'],
    },
  },
  {
    how: 'versions in the path with defaults and another prefix',
    app: { controllers: [VersionedController, UnversionedController] },
    prepare: (app) =>
      app.enableVersioning({ type: VersioningType.URI, prefix: 'version-', defaultVersion: ['9', VERSION_NEUTRAL] }),
    expected: {
      'VersionedController.list': ['GET /version-2/reports', 'GET /version-1/reports'],
      'VersionedController.third': ['GET /version-3/reports/third'],
      'VersionedController.later': ['GET /version-5/reports/later', 'GET /version-4/reports/later'],
      'VersionedController.neutral': ['GET /reports/neutral'],
      'VersionedController.both': ['GET /reports/v1/both', 'GET /version-1/reports/v1/both'],
      'UnversionedController.list': ['GET /version-9/plain', 'GET /plain'],
    },
  },
  {
    how: 'versions in the path without a prefix',
    app: { controllers: [UnversionedController] },
    prepare: (app) => app.enableVersioning({ type: VersioningType.URI, prefix: false, defaultVersion: '9' }),
    expected: { 'UnversionedController.list': ['GET /9/plain'] },
  },
  ...[
    { type: VersioningType.HEADER, header: 'x-version' } as const,
    { type: VersioningType.MEDIA_TYPE, key: 'v=' } as const,
    { type: VersioningType.CUSTOM, extractor: () => '1' } as const,
  ].map((versioning) => ({
    how: `versions outside the path: ${VersioningType[versioning.type]}`,
    app: { controllers: [VersionedController, UnversionedController] },
    prepare: (app: INestApplication) => app.enableVersioning({ ...versioning, defaultVersion: '9' }),
    expected: {
      'VersionedController.list': ['GET /reports v=2', 'GET /reports v=1'],
      'VersionedController.third': ['GET /reports/third v=3'],
      'VersionedController.later': ['GET /reports/later v=5', 'GET /reports/later v=4'],
      'VersionedController.neutral': ['GET /reports/neutral'],
      'VersionedController.both': ['GET /reports/v1/both', 'GET /reports/v1/both v=1'],
      'UnversionedController.list': ['GET /plain v=9'],
    },
  })),
  {
    how: 'versions that the application does not enable',
    app: { controllers: [VersionedController] },
    expected: {
      'VersionedController.list': ['GET /reports'],
      'VersionedController.third': ['GET /reports/third'],
      'VersionedController.later': ['GET /reports/later'],
      'VersionedController.neutral': ['GET /reports/neutral'],
      'VersionedController.both': ['GET /reports/v1/both'],
    },
  },
  {
    how: 'hosts',
    app: { controllers: [HostController, HostsController] },
    prepare: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
    expected: {
      'HostController.list': ['GET /hosted host=api.example.com'],
      'HostsController.list': ['GET /hosted v=1 host=b.example.com', 'GET /hosted v=1 host=/^a\\./'],
    },
  },
];

/** Records the routes that Nest registers on its adapter. */
function recordRoutes(app: INestApplication, routes: Set<string>): void {
  const adapter = app.getHttpAdapter();
  for (const method of ['get', 'post', 'patch', 'delete', 'head', 'all'] as const) {
    const register: unknown = Reflect.get(adapter, method);
    if (typeof register !== 'function') throw new Error(`The adapter has no ${method}()`);
    Reflect.set(adapter, method, (path: string, ...handlers: unknown[]) => {
      routes.add(`${method.toUpperCase()} ${path}`);
      return Reflect.apply(register, adapter, [path, ...handlers]);
    });
  }
}

/** Returns the addresses of all routes, by class and method. */
function addressesIn(app: INestApplication): Record<string, readonly string[]> {
  const addresses = new RouteAddresses(app.get(ApplicationConfig), app.get(ModulesContainer).applicationId);
  const controllers = app.get(DiscoveryService, { strict: false }).getControllers();
  const found: Record<string, readonly string[]> = {};
  const types = controllers.map(({ metatype }): unknown => metatype).filter(isClass);
  for (const type of new Set(types)) {
    const modules = controllers.flatMap(({ metatype, host }) => (metatype === type && host ? [host.metatype] : []));
    for (const method of methodsOf(type)) {
      found[`${type.name}.${method}`] = addresses.of(type, method, modules).map(({ text }) => text);
    }
  }
  return found;
}

describe.each(adapters)('addresses of routes on %s', (adapter) => {
  it.each(cases)('are those that Nest serves: $how', async ({ app, prepare, expected }) => {
    const routes = new Set<string>();
    await using started = await startApp({
      adapter,
      ...app,
      prepare: (nest) => {
        recordRoutes(nest, routes);
        prepare?.(nest);
      },
    });
    expect(addressesIn(started.app)).toEqual(expected);
    const paths = Object.values(expected).flatMap((texts) => texts.map((text) => text.replace(/ (v|host)=.*/, '')));
    // Nest looks at hosts, and at versions outside the path, after the adapter has found the route.
    expect([...routes].sort()).toEqual([...new Set(paths)].sort());
  });
});
