import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, type Type } from '@nestjs/common';
import { APP_GUARD, ExternalContextCreator } from '@nestjs/core';
import { by, Throttle, ThrottleGuard, ThrottleService } from '../../src/index.js';
import { type AppOptions, adapters, startApp, type TestApp } from '../support/http-app.js';

/** Receives what a library hands over: webhooks of a payment provider, events of a chat. */
@Injectable()
class WebhookService {
  readonly events: unknown[] = [];

  onPaid(event?: unknown): string {
    this.events.push(event);
    return 'handled';
  }

  onRefunded(event?: unknown): string {
    this.events.push(event);
    return 'handled';
  }
}

/** A controller whose handler has two callers: its route, and a library. */
@Controller('invoices')
class InvoicesController {
  @Throttle('2/min')
  @Get()
  list(): string {
    return 'handled';
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }
}

/** Calls a handler like libraries that run Nest's guards: the context has the type `http` for any arguments. */
function externalHandler(app: TestApp, type: Type, method: string): (...args: unknown[]) => Promise<unknown> {
  const instance: object = app.app.get(type);
  return app.app.get(ExternalContextCreator).create(instance, Reflect.get(instance, method), method);
}

const anEvent = () => ({ id: 'evt_1', type: 'invoice.paid', data: { object: { id: 'in_1' } } });

/** The arguments of handlers, created for each call. */
const events: readonly (readonly [string, () => readonly unknown[]])[] = [
  ['an object', () => [anEvent()]],
  ['an object with headers', () => [{ headers: { 'x-forwarded-for': '203.0.113.7' }, value: 'paid' }]],
  ['an object with an address', () => [{ ip: '203.0.113.7', type: 'login' }]],
  ['a description of a request', () => [{ method: 'POST', url: '/paid', headers: { host: 'a.example' } }]],
  ['the response to a request of the application', () => [new IncomingMessage(new Socket())]],
  ['a frozen object', () => [Object.freeze(anEvent())]],
  ['a list', () => [[anEvent()], { client: 'bot' }]],
  ['bytes', () => [Buffer.from('paid')]],
  ['a string', () => ['paid']],
  ['null', () => [null]],
  ['nothing', () => []],
];

const bindings: readonly (readonly [string, Pick<AppOptions, 'providers' | 'options'>])[] = [
  ['by the module', {}],
  ['as an APP_GUARD', { providers: [{ provide: APP_GUARD, useClass: ThrottleGuard }], options: { guard: false } }],
];

describe.each(adapters)('events in contexts of type http on %s', (adapter) => {
  describe.each(bindings)('with a guard bound %s', (_binding, { providers = [], options }) => {
    const start = (warnings: string[], more: AppOptions['options'] = {}) =>
      startApp({
        adapter,
        controllers: [InvoicesController],
        providers: [WebhookService, ...providers],
        options: { default: '2/min', ...options, ...more },
        warnings,
      });

    it.each(events)('pass uncharged, and one warning names their handler: %s', async (_what, argsOf) => {
      const warnings: string[] = [];
      await using app = await start(warnings);
      const handle = externalHandler(app, WebhookService, 'onPaid');
      for (let i = 0; i < 5; i++) expect(await handle(...argsOf())).toBe('handled');
      expect(app.app.get(WebhookService).events).toHaveLength(5);
      expect(warnings).toEqual([expect.stringContaining('WebhookService.onPaid')]);
      expect(await app.statuses('/invoices/plain', 3)).toEqual([200, 200, 429]);
    });

    it.each(events)('pass uncharged even after a request with a forwarding header: %s', async (_what, argsOf) => {
      const warnings: string[] = [];
      await using app = await start(warnings);
      expect(await app.statuses('/invoices', 1, { headers: { 'x-forwarded-for': '203.0.113.7' } })).toEqual([200]);
      warnings.length = 0; // of the header
      const handle = externalHandler(app, WebhookService, 'onPaid');
      for (let i = 0; i < 5; i++) expect(await handle(...argsOf())).toBe('handled');
      expect(warnings).toEqual([expect.stringContaining('WebhookService.onPaid')]);
      expect(await app.statuses('/invoices/plain', 3)).toEqual([200, 200, 429]);
    });

    it('pass if the limit is by user', async () => {
      const warnings: string[] = [];
      await using app = await start(warnings, { default: { rate: '2/min', by: by.user() } });
      const handle = externalHandler(app, WebhookService, 'onPaid');
      for (let i = 0; i < 5; i++) expect(await handle(anEvent())).toBe('handled');
      expect(warnings).toEqual([expect.stringContaining('WebhookService.onPaid')]);
    });

    it('pass if functions of the module read the request', async () => {
      const warnings: string[] = [];
      const paths: unknown[] = [];
      await using app = await start(warnings, {
        default: {
          rate: '2/min',
          by: ({ request }) => {
            paths.push(request?.url);
            return 'everybody';
          },
        },
      });
      const handle = externalHandler(app, WebhookService, 'onPaid');
      for (let i = 0; i < 5; i++) expect(await handle(anEvent())).toBe('handled');
      expect(paths).toEqual([]);
      expect(warnings).toEqual([expect.stringContaining('WebhookService.onPaid')]);
      expect(await app.statuses('/invoices/plain', 3)).toEqual([200, 200, 429]);
    });

    it('have one warning for each handler', async () => {
      const warnings: string[] = [];
      await using app = await start(warnings);
      const paid = externalHandler(app, WebhookService, 'onPaid');
      const refunded = externalHandler(app, WebhookService, 'onRefunded');
      for (const handle of [paid, refunded, paid, refunded]) expect(await handle(anEvent())).toBe('handled');
      expect(warnings).toEqual([
        expect.stringContaining('WebhookService.onPaid'),
        expect.stringContaining('WebhookService.onRefunded'),
      ]);
    });

    it('cause no warning if nothing limits their handler', async () => {
      const warnings: string[] = [];
      @Injectable()
      class FreeService {
        onPaid(): string {
          return 'handled';
        }
      }
      await using app = await startApp({
        adapter,
        providers: [FreeService, ...providers],
        options: { policies: { login: '2/min' }, ...options },
        warnings,
      });
      const handle = externalHandler(app, FreeService, 'onPaid');
      for (let i = 0; i < 5; i++) expect(await handle(anEvent())).toBe('handled');
      // The application as a whole limits nothing, and says so.
      expect(warnings.filter((warning) => !warning.startsWith('Nothing is limited'))).toEqual([]);
    });

    it('do not use the budget of requests to the same handler', async () => {
      const warnings: string[] = [];
      await using app = await start(warnings);
      const handle = externalHandler(app, InvoicesController, 'list');
      for (let i = 0; i < 5; i++) expect(await handle(anEvent())).toBe('handled');
      expect(warnings).toEqual([expect.stringContaining('InvoicesController.list')]);
      expect(await app.statuses('/invoices', 3)).toEqual([200, 200, 429]);
      expect(await handle(anEvent())).toBe('handled');
    });

    it('cause no denied event', async () => {
      await using app = await start([]);
      const denied: unknown[] = [];
      app.app.get(ThrottleService).events$.subscribe((event) => denied.push(event));
      const handle = externalHandler(app, WebhookService, 'onPaid');
      for (let i = 0; i < 5; i++) expect(await handle(anEvent())).toBe('handled');
      expect(denied).toEqual([]);
    });
  });
});
