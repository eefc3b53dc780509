import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post, Version, VersioningType } from '@nestjs/common';
import { Throttle } from '../../src/index.js';
import { type AppOptions, adapters, startApp } from '../support/http-app.js';

@Controller()
class PathController {
  @Throttle('3/min')
  @Get('reports')
  list(): string {
    return 'list';
  }

  @Throttle('3/min')
  @Get('reports/:id')
  one(@Param('id') id: string): string {
    return id;
  }
}

const controllers = [PathController];
const lenient = { routerOptions: { ignoreTrailingSlash: true, caseSensitive: false, ignoreDuplicateSlashes: true } };

interface Forms {
  readonly how: string;
  readonly setup: Pick<AppOptions, 'adapter' | 'fastify'>;
  /** Four requests that the adapter routes to one handler. */
  readonly paths: readonly [string, string, string, string];
}

const forms: readonly Forms[] = [
  {
    how: 'Express in capitals and with a slash at the end',
    setup: { adapter: 'express' },
    paths: ['/reports', '/reports/', '/REPORTS', '/Reports/'],
  },
  {
    how: 'Express with a query, an empty one and a fragment',
    setup: { adapter: 'express' },
    paths: ['/reports?a=1', '/reports?a=2&b', '/reports?', '/reports#a'],
  },
  {
    how: 'Express with an origin before it',
    setup: { adapter: 'express' },
    paths: ['http://a.example/reports', 'http://b.example/reports', '/reports', 'http://c.example/reports/'],
  },
  {
    how: 'Fastify in other escapes',
    setup: { adapter: 'fastify' },
    paths: ['/reports', '/%72eports', '/r%65ports', '/%72%65%70%6f%72%74%73'],
  },
  {
    how: 'Fastify with a query, an empty one and a fragment',
    setup: { adapter: 'fastify' },
    paths: ['/reports?a=1', '/reports?a=2&b', '/reports?', '/reports#a'],
  },
  {
    how: 'Fastify with an origin before it',
    setup: { adapter: 'fastify' },
    paths: ['http://a.example/reports', 'http://b.example/reports', '/reports', 'http://c.example/%72eports'],
  },
  {
    how: 'a lenient Fastify in capitals and with more slashes',
    setup: { adapter: 'fastify', fastify: lenient },
    paths: ['/reports/', '/REPORTS', '//reports', '//rePorts//'],
  },
];

describe.each(forms)('spellings of a path: $how', ({ setup, paths }) => {
  it('share one budget', async () => {
    await using app = await startApp({ ...setup, controllers });
    const statuses: number[] = [];
    for (const path of paths) statuses.push((await app.send(path)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });
});

describe.each(adapters)('paths of a handler on %s', (adapter) => {
  it('share the budget of GET with HEAD', async () => {
    await using app = await startApp({ adapter, controllers });
    expect(await app.statuses('/reports', 2, { method: 'HEAD' })).toEqual([200, 200]);
    expect(await app.statuses('/reports', 2)).toEqual([200, 429]);
    expect((await app.send('/reports', { method: 'HEAD' })).status).toBe(429);
  });

  it('share one budget for all parameters', async () => {
    await using app = await startApp({ adapter, controllers });
    const answers = [await app.send('/reports/1'), await app.send('/reports/2'), await app.send('/reports/a%2Fb')];
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [200, '1'],
      [200, '2'],
      [200, 'a/b'],
    ]);
    expect((await app.send('/reports/3')).status).toBe(429);
    expect((await app.send('/reports')).status).toBe(200);
  });

  it('are not charged, and get no headers, if nothing is routed there', async () => {
    await using app = await startApp({ adapter, controllers, options: { default: '3/min' } });
    for (const path of ['/nothing', '/reports/1/2', '/report']) {
      const { status, headers } = await app.send(path);
      expect(status).toBe(404);
      expect(headers).not.toHaveProperty('ratelimit');
      expect(headers).not.toHaveProperty('ratelimit-policy');
    }
    expect((await app.send('/reports', { method: 'POST' })).status).toBe(404);
    expect(await app.statuses('/reports', 4)).toEqual([200, 200, 200, 429]);
  });

  it('are limited under a global prefix, and if they are excluded from it', async () => {
    await using app = await startApp({
      adapter,
      controllers,
      prepare: (nest) => nest.setGlobalPrefix('api', { exclude: ['reports/:id'] }),
    });
    expect(await app.statuses('/api/reports', 4)).toEqual([200, 200, 200, 429]);
    expect(await app.statuses('/reports/1', 4)).toEqual([200, 200, 200, 429]);
    expect((await app.send('/reports')).status).toBe(404);
    expect((await app.send('/api/reports/1')).status).toBe(404);
  });

  it('share one budget for all versions and paths of one handler', async () => {
    @Controller({ path: ['reports', 'papers'], version: ['1', '2'] })
    class VersionedController {
      @Throttle('3/min')
      @Get(['all', 'list'])
      list(): string {
        return 'list';
      }

      @Version('3')
      @Throttle('1/min')
      @Get('all')
      listAgain(): string {
        return 'again';
      }
    }
    await using app = await startApp({
      adapter,
      controllers: [VersionedController],
      prepare: (nest) => nest.enableVersioning({ type: VersioningType.URI }),
    });
    const statuses: number[] = [];
    for (const path of ['/v1/reports/all', '/v2/reports/list', '/v1/papers/list', '/v2/papers/all']) {
      statuses.push((await app.send(path)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect(await app.statuses('/v3/reports/all', 2)).toEqual([200, 429]);
  });

  it('have a budget for each handler if one path has several methods', async () => {
    @Controller('reports')
    class MethodsController {
      @Throttle('1/min')
      @Get()
      read(): string {
        return 'read';
      }

      @Throttle('1/min')
      @Post()
      write(): string {
        return 'write';
      }
    }
    await using app = await startApp({ adapter, controllers: [MethodsController] });
    expect(await app.statuses('/reports', 2)).toEqual([200, 429]);
    expect(await app.statuses('/reports', 2, { method: 'POST' })).toEqual([201, 429]);
  });
});
