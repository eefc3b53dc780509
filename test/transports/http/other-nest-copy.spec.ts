import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, HttpException } from '@nestjs/common';
import * as core from '@nestjs/core';
import * as express from '@nestjs/platform-express';
import * as fastify from '@nestjs/platform-fastify';
import type * as library from '../../../src/index.js';
import { startSockets } from '../../support/gateway-app.js';
import { adapters } from '../../support/http-app.js';
import { speaking } from '../sockets/chat-gateway.js';

/** The library on a copy of `@nestjs/common` of its own, as where a package manager installs that twice. The rest of Nest is one copy. */
let copy: typeof library;
let common: typeof import('@nestjs/common');
let applications: typeof import('../../support/http-app.js');

beforeAll(async () => {
  jest.resetModules();
  jest.unstable_mockModule('@nestjs/core', () => core);
  jest.unstable_mockModule('@nestjs/platform-express', () => express);
  jest.unstable_mockModule('@nestjs/platform-fastify', () => fastify);
  copy = await import('../../../src/index.js');
  common = await import('@nestjs/common');
  applications = await import('../../support/http-app.js');
});

describe.each(adapters)('exceptions of another copy of @nestjs/common, on %s', (adapter) => {
  it('get a response with their status from the filter of Nest', async () => {
    expect(common.HttpException).not.toBe(HttpException);

    @Controller()
    class CopiesController {
      @Get()
      get() {
        return 'fine';
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
    const options = { default: '3/min', retryJitter: 0 };
    await using app = await applications.startApp({ adapter, controllers: [CopiesController], options });
    const answers = [];
    for (const path of ['/', '/unavailable', '/late', '/']) answers.push(await app.send(path));
    expect(answers.map(({ status }) => status)).toEqual([200, 503, 503, 429]);
    const denied = answers.at(-1);
    const wait = denied?.headers['retry-after'];
    expect(wait).toMatch(/^6\d$/);
    expect(denied?.body).toEqual({ statusCode: 429, message: `Too many requests. Retry in ${wait} seconds.` });
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
