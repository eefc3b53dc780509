import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildApp, InstrumentedApp, type InstrumentedAppOptions } from './instrumented-app.js';

/** Processes start slowly on a machine that is busy. */
const START_MS = 60_000;

/** Each with what it sees of a call to `ReportsController.health`. */
const tools: readonly (readonly [string, string | undefined, readonly string[]])[] = [
  ['no instrumentation', undefined, []],
  ['OpenTelemetry', 'opentelemetry.mjs', ['ReportsController.health', 'health']],
  ['Sentry', 'sentry.mjs', ['health']],
  ['@nestjs/observe', 'observe.mjs', ['ReportsController']],
];

const applications: readonly (readonly [string, Omit<InstrumentedAppOptions, 'preload'>])[] = [
  ['a CommonJS application on Express', { format: 'commonjs', adapter: 'express' }],
  ['an ESM application on Fastify', { format: 'es6', adapter: 'fastify' }],
];

beforeAll(buildApp, START_MS);

describe.each(tools)('with %s', (_tool, preload, sees) => {
  describe.each(applications)('%s', (_application, options) => {
    let app: InstrumentedApp;

    beforeAll(async () => {
      app = await InstrumentedApp.start({ preload, ...options });
    }, START_MS);

    afterAll(() => app?.[Symbol.asyncDispose](), START_MS);

    /** Labels of denied handlers of a class. */
    const deniedOf = async (name: string) =>
      (await app.status()).denied.filter((label) => label?.startsWith(`${name}.`)).sort();

    it('shows its handlers to the instrumentation', async () => {
      expect(await app.statuses('/reports/health')).toEqual([200]);
      expect((await app.status()).seen).toEqual(expect.arrayContaining([...sees]));
    });

    it('has a limited handler, and other handlers without limits', async () => {
      expect(await app.statuses('/reports/list', '/reports/list', '/reports/list')).toEqual([200, 200, 429]);
      expect(await app.statuses(...Array<string>(4).fill('/reports/plain'))).toEqual([200, 200, 200, 200]);
      expect(await app.statuses(...Array<string>(4).fill('/reports/health'))).toEqual([200, 200, 200, 200]);
      expect(await deniedOf('ReportsController')).toContain('ReportsController.list');
    });

    it('has a budget for each handler under a policy of the module with the scope "handler"', async () => {
      expect(await app.statuses('/reports/first', '/reports/first', '/reports/first')).toEqual([200, 200, 429]);
      expect(await app.statuses('/reports/second', '/reports/second', '/reports/second')).toEqual([200, 200, 429]);
      const denied = await deniedOf('ReportsController');
      expect(denied).toContain('ReportsController.first');
      expect(denied).toContain('ReportsController.second');
    });

    it('has a budget for each handler of a class with the scope "handler"', async () => {
      expect(await app.statuses('/each/one', '/each/one', '/each/one')).toEqual([200, 200, 429]);
      expect(await app.statuses('/each/two', '/each/two', '/each/two')).toEqual([200, 200, 429]);
      expect(await deniedOf('EachController')).toEqual(['EachController.one', 'EachController.two']);
    });

    it('has limits on a class, and handlers that replace and skip them', async () => {
      expect(await app.statuses('/class/tight', '/class/tight')).toEqual([200, 429]);
      expect(await app.statuses('/class/one', '/class/two', '/class/one', '/class/two')).toEqual([200, 200, 200, 429]);
      expect(await app.statuses(...Array<string>(4).fill('/class/free'))).toEqual([200, 200, 200, 200]);
      expect(await deniedOf('ClassController')).toEqual(['ClassController.tight', 'ClassController.two']);
    });

    it('has limits on a request-scoped controller', async () => {
      expect(await app.statuses('/scoped/list', '/scoped/list', '/scoped/list')).toEqual([200, 200, 429]);
      expect(await app.statuses('/scoped/first', '/scoped/first', '/scoped/first')).toEqual([200, 200, 429]);
      expect(await app.statuses('/scoped/second', '/scoped/second', '/scoped/second')).toEqual([200, 200, 429]);
      expect(await app.statuses(...Array<string>(4).fill('/scoped/plain'))).toEqual([200, 200, 200, 200]);
      expect(await deniedOf('ScopedController')).toEqual([
        'ScopedController.first',
        'ScopedController.list',
        'ScopedController.second',
      ]);
    });

    it('has limits on a gateway', async () => {
      expect(await app.replies('say', 'say', 'say')).toEqual(['said', 'said', 'rate_limit']);
      expect(await app.replies('typing', 'typing', 'typing', 'typing')).toEqual(Array(4).fill('typing'));
      expect(await app.replies('plain', 'plain', 'plain', 'plain')).toEqual(Array(4).fill('plain'));
      expect(await deniedOf('ChatGateway')).toEqual(['ChatGateway.say']);
    });

    it('has no warnings', async () => {
      expect(await app.statuses('/reports/plain', '/class/free', '/scoped/plain')).toEqual([200, 200, 200]);
      expect((await app.status()).warnings).toEqual([]);
    });
  });
});
