import http from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { HttpRequest } from '../../../src/transports/call.js';
import { IpReader } from '../../../src/transports/identity/ip-reader.js';

const FORWARDED = '198.51.100.7, 10.0.0.9';
const SETTINGS = {
  'not set': undefined,
  false: false,
  true: true,
  'no hop': 0,
  'one hop': 1,
  'two hops': 2,
  loopback: 'loopback',
  'a network': '127.0.0.0/8, 10.0.0.0/8',
  'another network': '192.0.2.0/24',
  'a list': ['loopback', '10.0.0.9'],
  'an empty list': [],
  'a function that trusts all': () => true,
  'a function that trusts none': () => false,
} as const;

/** The address of a request, as each of the two ways finds it. */
interface Found {
  readonly ours: unknown;
  readonly express: unknown;
  /** Whether Express's getter ran: it reads the headers. */
  readonly isAsked: boolean;
}

type Handler = (request: HttpRequest & { url: string }, response: http.ServerResponse, next: () => void) => void;

/** One for all of them: it tells applications and getters apart. */
const reader = new IpReader();
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** An application of Express, as the adapter makes it. */
function expressApp() {
  return new ExpressAdapter().getInstance();
}

/** Reads the address before Express's own getter is asked. */
const find: Handler = (request, response) => {
  const { headers } = request;
  let isAsked = false;
  Object.defineProperty(request, 'headers', {
    get() {
      isAsked = true;
      return headers;
    },
    configurable: true,
  });
  const ours = reader.ipOf(request);
  response.end(JSON.stringify({ ours, isAsked, express: request.ip }));
};

async function listen(app: http.RequestListener): Promise<(path?: string) => Promise<Found>> {
  const server = http.createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return async (path = '/') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { 'x-forwarded-for': FORWARDED },
    });
    const found: Found = JSON.parse(await response.text());
    return found;
  };
}

const SHORT: Found = { ours: '127.0.0.1', express: '127.0.0.1', isAsked: false };

describe('the address of a request of Express', () => {
  it.each(Object.entries(SETTINGS))('is that of its getter under "trust proxy": %s', async (_name, setting) => {
    const app = expressApp();
    if (setting !== undefined) app.set('trust proxy', setting);
    app.use(find);
    const found = await (await listen(app))();
    expect(found.ours).toBe(found.express);
    // Otherwise the getter decides by addresses and hops.
    const trustsNone = setting === undefined || setting === false || (Array.isArray(setting) && setting.length === 0);
    expect(found.isAsked).toBe(!trustsNone);
  });

  it('follows a setting that changes while the application runs', async () => {
    const app = expressApp();
    app.use(find);
    const ask = await listen(app);
    expect(await ask()).toEqual(SHORT);
    app.set('trust proxy', 1);
    expect(await ask()).toEqual({ ours: '10.0.0.9', express: '10.0.0.9', isAsked: true });
    app.enable('trust proxy');
    expect(await ask()).toEqual({ ours: '198.51.100.7', express: '198.51.100.7', isAsked: true });
    app.disable('trust proxy');
    expect(await ask()).toEqual(SHORT);
    app.set('trust proxy fn', () => true);
    expect(await ask()).toEqual({ ours: '198.51.100.7', express: '198.51.100.7', isAsked: true });
  });

  it('is that of the sub-application which handles the request', async () => {
    const [app, inheriting, trusting, distrusting] = [expressApp(), expressApp(), expressApp(), expressApp()];
    app.set('trust proxy', 1);
    trusting.set('trust proxy', true);
    distrusting.set('trust proxy', false);
    for (const sub of [inheriting, trusting, distrusting]) {
      sub.get('/found', find);
      // The request is the parent's again behind it.
      sub.use((_request: HttpRequest, _response: http.ServerResponse, next: () => void) => next());
    }
    app.use('/inheriting', inheriting).use('/trusting', trusting).use('/distrusting', distrusting).use(find);
    const ask = await listen(app);
    const [one, all] = ['10.0.0.9', '198.51.100.7'];
    expect(await ask('/inheriting/found')).toMatchObject({ ours: one, express: one });
    expect(await ask('/trusting/found')).toMatchObject({ ours: all, express: all });
    expect(await ask('/distrusting/found')).toEqual(SHORT);
    for (const path of ['/inheriting/', '/trusting/', '/distrusting/', '/']) {
      expect(await ask(path)).toMatchObject({ ours: one, express: one });
    }
  });

  it.each<readonly [string, (request: HttpRequest) => void]>([
    ['a value', (request) => Object.defineProperty(request, 'ip', { value: '203.0.113.9' })],
    ['a getter', (request) => Object.defineProperty(request, 'ip', { get: () => '203.0.113.9' })],
    [
      'a value of a prototype',
      (request) =>
        Object.setPrototypeOf(request, Object.create(Object.getPrototypeOf(request), { ip: { value: '203.0.113.9' } })),
    ],
  ])('is what a middleware put on the request: %s', async (_what, put) => {
    const app = expressApp();
    app.use(((request, _response, next) => {
      put(request);
      next();
    }) satisfies Handler);
    app.use(find);
    expect(await (await listen(app))()).toMatchObject({ ours: '203.0.113.9', express: '203.0.113.9' });
  });

  it.each([
    ['its requests', (app: { request: object }) => app.request],
    ['all requests of Express', (app: { request: object }) => Object.getPrototypeOf(app.request)],
  ])('is that of a getter of the application on %s', async (_on, prototypeOf) => {
    const app = expressApp();
    app.use(find);
    const ask = await listen(app);
    expect(await ask()).toEqual(SHORT);
    const prototype = prototypeOf(app);
    const known = Object.getOwnPropertyDescriptor(prototype, 'ip');
    closing.push(() => {
      if (known === undefined) Reflect.deleteProperty(prototype, 'ip');
      else Object.defineProperty(prototype, 'ip', known);
    });
    Object.defineProperty(prototype, 'ip', { get: () => '203.0.113.9', configurable: true });
    expect(await ask()).toMatchObject({ ours: '203.0.113.9', express: '203.0.113.9' });
  });

  it('is that of a proxy around the request', async () => {
    const app = expressApp();
    app.use(((request, response) => {
      const proxy = new Proxy(request, {
        get: (target, name) => (name === 'ip' ? '203.0.113.9' : Reflect.get(target, name)),
      });
      response.end(JSON.stringify({ ours: reader.ipOf(proxy), express: proxy.ip, isAsked: true }));
    }) satisfies Handler);
    expect(await (await listen(app))()).toMatchObject({ ours: '203.0.113.9', express: '203.0.113.9' });
  });

  it('changes no setting of the application, though its methods were bound to it', async () => {
    const app = expressApp();
    app.set('trust proxy', 1);
    app.set = app.set.bind(app);
    app.use(find);
    const ask = await listen(app);
    const trusting = { ours: '10.0.0.9', express: '10.0.0.9', isAsked: true };
    expect(await ask()).toEqual(trusting);
    expect(await ask()).toEqual(trusting);
    expect(app.get('trust proxy')).toBe(1);
  });
});
