import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { asFrameworkRequest } from '../../../src/transports/identity/framework-request.js';

const upgrade = Object.freeze({
  headers: Object.freeze({ 'x-forwarded-for': '198.51.100.1, 203.0.113.1', 'x-api-key': 'a' }),
  socket: Object.freeze({ remoteAddress: '127.0.0.1' }),
  method: 'GET',
  url: '/',
});

/** An Express application that trusts, as `app.set('trust proxy', ...)` says. */
function express(trust?: unknown): unknown {
  const app = new ExpressAdapter().getInstance();
  if (trust !== undefined) app.set('trust proxy', trust);
  return app;
}

/** A Fastify instance with the given `trustProxy`. */
function fastify(trustProxy?: string | string[] | boolean | ((address: string, hop: number) => boolean)): unknown {
  return new FastifyAdapter(trustProxy === undefined ? {} : { trustProxy }).getInstance();
}

const firstHop = (_address: string, hop: number) => hop < 1;

describe("Node's request in the form of the framework", () => {
  it.each([
    ['Express without a setting', express(), '127.0.0.1'],
    ['Express that trusts nobody', express(false), '127.0.0.1'],
    ['Express that trusts one hop', express(1), '203.0.113.1'],
    ['Express that trusts two hops', express(2), '198.51.100.1'],
    ['Express that trusts the loopback', express('loopback'), '203.0.113.1'],
    ['Express that trusts addresses', express(['127.0.0.1', '203.0.113.0/24']), '198.51.100.1'],
    ['Express that trusts others', express('10.0.0.0/8'), '127.0.0.1'],
    ['Express that trusts by a function', express(firstHop), '203.0.113.1'],
    ['Express that trusts everyone', express(true), '198.51.100.1'],
    ['Fastify without a setting', fastify(), '127.0.0.1'],
    ['Fastify that trusts nobody', fastify(false), '127.0.0.1'],
    ['Fastify that trusts the loopback', fastify('loopback'), '203.0.113.1'],
    ['Fastify that trusts addresses', fastify(['127.0.0.1', '203.0.113.0/24']), '198.51.100.1'],
    ['Fastify that trusts others', fastify('10.0.0.0/8'), '127.0.0.1'],
    ['Fastify that trusts by a function', fastify(firstHop), '203.0.113.1'],
    ['Fastify that trusts everyone', fastify(true), '198.51.100.1'],
    ['no framework', undefined, '127.0.0.1'],
  ])('comes from the address that it trusts: %s', (_name, app, ip) => {
    const request = asFrameworkRequest(upgrade, app);
    expect(request.ip).toBe(ip);
    expect(request.headers).toBe(upgrade.headers);
    expect(request.socket).toBe(upgrade.socket);
  });

  it('follows a setting that changes', () => {
    const app = new ExpressAdapter().getInstance();
    expect(asFrameworkRequest(upgrade, app).ip).toBe('127.0.0.1');
    app.set('trust proxy', 1);
    expect(asFrameworkRequest(upgrade, app).ip).toBe('203.0.113.1');
  });

  it.each([
    ['null', null],
    ['nothing known', {}],
    ['a function', () => {}],
    ['a function with a request that is none', Object.assign(() => {}, { request: 'none' })],
    ['a function with no request', Object.assign(() => {}, { request: null })],
    ['a Fastify that is none', { [Symbol('fastify.Request')]: 'none' }],
    ['a Fastify without a prototype', { [Symbol('fastify.Request')]: () => {} }],
    ['a text', 'express'],
  ])('has the address of its socket if the framework is %s', (_name, app) => {
    const { headers, socket } = upgrade;
    expect(asFrameworkRequest(upgrade, app)).toEqual({ headers, socket, ip: '127.0.0.1' });
    expect(asFrameworkRequest({ headers }, app)).toEqual({ headers, socket: undefined, ip: '' });
  });

  it.each([
    ['Express', express(1)],
    ['Fastify', fastify('loopback')],
    ['Fastify that trusts nobody', fastify()],
  ])('has no address if its socket has none: %s', (_name, app) => {
    expect(asFrameworkRequest({ headers: {}, socket: {} }, app).ip).toBe(undefined);
  });
});
