import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Param } from '@nestjs/common';
import { by, Throttle } from '../../../src/index.js';
import { type AdapterName, adapters, startApp } from '../../support/http-app.js';

@Throttle('4/min', { by: by.path() })
@Controller('files')
class FilesController {
  @Get('all')
  all(): string {
    return 'all';
  }

  @Get(':name')
  one(@Param('name') name: string): string {
    return name;
  }
}

/** Forms of one path that lead to one handler: five each, of which the last is denied. */
const forms: Readonly<Record<AdapterName, readonly (readonly string[])[]>> = {
  express: [
    ['/files/all', '/files/all/', '/FILES/all', '/files/All?a=1', '/files/all?a=2'],
    ['/files/all', '/files/all#a', '/files/all#b?c', '/files/all?#', '/files/all/#'],
    [
      '/files/all',
      'http://a.example/files/all',
      'http://b.example/files/all?a',
      'http://a.example:80/FILES/all',
      '/files/all',
    ],
    ['/files/all', '/files\\all#', '/FILES\\all#b', '/files\\all/#a', '/files/all'],
    ['/files/x', '/files/%78', '/files/X', '/files/x/', '/files/%58'],
  ],
  fastify: [
    ['/files/all', '/files/%61ll', '/files/al%6C', '/files/all?a=1', '/files/all?a=2'],
    ['/files/all', '/files/all#a', '/files/all#b?c', '/files/all?#', '/%66iles/all#'],
    [
      '/files/all',
      'http://a.example/files/all',
      'https://b.example/files/all?a',
      'http://a.example:80/files/%61ll',
      '/files/all',
    ],
    ['/files/x', '/files/%78', '/files/X', '/files/x?', '/files/%58'],
  ],
};

describe.each(adapters)('by.path() on %s', (adapter) => {
  const start = () => startApp({ adapter, controllers: [FilesController] });

  it.each(forms[adapter].map((paths) => [paths]))('is one budget for %j', async (paths) => {
    await using app = await start();
    const statuses: number[] = [];
    for (const path of paths) statuses.push((await app.send(path)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429]);
  });

  it('is a budget for each path, shared by all callers', async () => {
    await using app = await start();
    expect(await app.statuses('/files/a', 5)).toEqual([200, 200, 200, 200, 429]);
    expect(await app.statuses('/files/b', 5)).toEqual([200, 200, 200, 200, 429]);
    expect(await app.statuses('/files/a', 1, { headers: { 'x-forwarded-for': '203.0.113.1' } })).toEqual([429]);
    expect(await app.statuses('/files/all', 5)).toEqual([200, 200, 200, 200, 429]);
  });

  it('includes a global prefix in the path', async () => {
    await using app = await startApp({
      adapter,
      controllers: [FilesController],
      prepare: (nest) => nest.setGlobalPrefix('api/v1'),
    });
    expect(await app.statuses('/api/v1/files/a', 5)).toEqual([200, 200, 200, 200, 429]);
    expect(await app.statuses('/api/v1/files/b', 1)).toEqual([200]);
  });
});
