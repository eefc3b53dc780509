import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, HttpException } from '@nestjs/common';
import type * as library from '../../../src/index.js';
import { startSockets } from '../../support/gateway-app.js';
import { adapters, startApp } from '../../support/http-app.js';
import { speaking } from '../sockets/chat-gateway.js';

/** The library on a copy of `@nestjs/common` of its own, as where a package manager installs that twice. */
let copy: typeof library;
let common: typeof import('@nestjs/common');

beforeAll(async () => {
  jest.resetModules();
  copy = await import('../../../src/index.js');
  common = await import('@nestjs/common');
});

const outcome = { allowed: false, decisions: [], binding: null };

describe.each(adapters)('exceptions of another copy of @nestjs/common, on %s', (adapter) => {
  it('are answered with their status by the filter of Nest', async () => {
    expect(common.HttpException).not.toBe(HttpException);

    @Controller()
    class CopiesController {
      @Get('denied')
      denied(): never {
        const error = new copy.ThrottleException({ statusCode: 429, message: 'Later.' }, outcome);
        expect(error).not.toBeInstanceOf(HttpException);
        throw error;
      }

      @Get('unavailable')
      unavailable(): never {
        throw new copy.ThrottleUnavailableException({ statusCode: 503, message: 'Not now.' });
      }

      @Get('late')
      late(): never {
        throw new copy.FunctionTimeoutException('policies.api.by', 'api', 5000);
      }
    }
    await using app = await startApp({ adapter, controllers: [CopiesController] });
    const answers = await Promise.all(['/denied', '/unavailable', '/late'].map((path) => app.send(path)));
    expect(answers.map(({ status, body }) => [status, body.statusCode])).toEqual([
      [429, 429],
      [503, 503],
      [503, 503],
    ]);
    expect(answers.map(({ body }) => body.message)).toEqual(['Later.', 'Service Unavailable', 'Service Unavailable']);
  });
});

describe.each(['ws', 'io'] as const)('an exception of a function of the user, of another copy, on %s', (transport) => {
  it('refuses a connection with its own status', async () => {
    const by = () => {
      throw new common.ForbiddenException('Go away.');
    };
    const connections = { rate: '5/min', by };
    await using sockets = await startSockets({
      transport,
      gateways: speaking(),
      options: { sockets: { connections } },
    });
    await expect(sockets.connect()).rejects.toMatchObject({ status: 403 });
  });
});
