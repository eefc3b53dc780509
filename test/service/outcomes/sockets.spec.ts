import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ArgumentsHost, Catch, ParseIntPipe, type Type, UseFilters, UseGuards } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { from, map, type Observable } from 'rxjs';
import { type ChargeWhen, type PolicyOptions, Throttle, ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { startSockets, type TestSockets, transports } from '../../support/gateway-app.js';
import { until } from '../../support/wait-until.js';
import { Gate } from './gate.js';

const LIMIT = 10;
const COST = 3;

/** Charges an answer by the length of its data, and an error one unit. */
const byLength: ChargeWhen = ({ status, error, value }) => {
  if (status !== undefined) throw new Error('a message has no status');
  return error !== undefined ? 1 : String(Reflect.get(Object(value), 'data')).length;
};

const rules = { success: 'success', failure: 'failure', length: byLength } satisfies Record<string, ChargeWhen>;
type Rule = keyof typeof rules;
const ruleNames: readonly Rule[] = ['success', 'failure', 'length'];

const policies = Object.fromEntries(
  Object.entries(rules).map(([name, chargeWhen]): [string, PolicyOptions] => [
    name,
    {
      rate: `${LIMIT}/hour`,
      strategy: 'fixed-window',
      cost: COST,
      // A budget for each message, which says how it ends.
      by: ({ message }) => String(message),
      chargeWhen,
    },
  ]),
);

const endings: readonly (readonly [ending: string, costs: Readonly<Record<Rule, number>>])[] = [
  ['success', { success: 3, failure: 0, length: 2 }],
  ['nothing', { success: 3, failure: 0, length: 9 }],
  ['thrown', { success: 0, failure: 3, length: 1 }],
  // The last value counts.
  ['stream', { success: 3, failure: 0, length: 5 }],
  ['broken-stream', { success: 0, failure: 3, length: 1 }],
  ['pipe', { success: 0, failure: 3, length: 1 }],
  // The handler's end decides, and not what a filter makes of it.
  ['filter', { success: 0, failure: 3, length: 1 }],
];

class RefusingGuard {
  canActivate(): boolean {
    throw new WsException('refused');
  }
}

@Catch()
class SilentFilter {
  catch(_error: WsException, _host: ArgumentsHost): void {}
}

function endingGateway(rule: Rule, gate: Gate): Type {
  @Throttle(rule)
  @WebSocketGateway()
  class EndingGateway {
    handleDisconnect(): void {
      gate.departures += 1;
    }

    @SubscribeMessage(`${rule}-success`)
    success(): object {
      return { event: 'answer', data: 'ab' };
    }

    @SubscribeMessage(`${rule}-nothing`)
    nothing(): void {}

    @SubscribeMessage(`${rule}-thrown`)
    async thrown(): Promise<never> {
      throw new Error('broken');
    }

    @SubscribeMessage(`${rule}-stream`)
    stream(): Observable<object> {
      return from(['a', 'abcde']).pipe(map((data) => ({ event: 'answer', data })));
    }

    @SubscribeMessage(`${rule}-broken-stream`)
    brokenStream(): Observable<object> {
      return from(['a', 'abcde']).pipe(
        map((data) => {
          if (data.length > 1) throw new Error('broken');
          return { event: 'answer', data };
        }),
      );
    }

    @SubscribeMessage(`${rule}-pipe`)
    piped(@MessageBody(ParseIntPipe) count: number): object {
      return { event: 'answer', data: count };
    }

    @UseGuards(RefusingGuard)
    @SubscribeMessage(`${rule}-guard`)
    guarded(): object {
      return { event: 'answer', data: 'never' };
    }

    @UseFilters(SilentFilter)
    @SubscribeMessage(`${rule}-filter`)
    filtered(): never {
      throw new Error('broken');
    }

    @SubscribeMessage(`${rule}-leave`)
    async leave(): Promise<object> {
      await gate.wait(rule);
      return { event: 'answer', data: 'nobody reads it' };
    }
  }
  return EndingGateway;
}

const matrix = ruleNames.flatMap((rule) => endings.map(([ending, costs]) => ({ rule, ending, cost: costs[rule] })));

describe.each(transports)('messages charged by outcome on %s', (transport) => {
  const gate = new Gate();
  const backend = new CountedBackend();
  let sockets: TestSockets;

  beforeAll(async () => {
    sockets = await startSockets({
      transport,
      gateways: ruleNames.map((rule) => endingGateway(rule, gate)),
      options: { backend, policies },
    });
  });
  afterAll(() => sockets[Symbol.asyncDispose]());

  const remaining = async (rule: Rule, subject: string) => {
    const state = await sockets.app.get(ThrottleService).stat(rule, { subject });
    return state?.remaining;
  };
  const settlements = () => backend.settled.splice(0);

  it.each(matrix)('$ending costs $cost under $rule, and is settled once', async ({ rule, ending, cost }) => {
    settlements();
    const socket = await sockets.connect();
    socket.send(`${rule}-${ending}`, ending);
    await socket.settled();
    expect(await remaining(rule, ending)).toBe(LIMIT - cost);
    expect(settlements()).toEqual(cost === COST ? [] : [[cost]]);
  });

  it.each(ruleNames)('a message that a guard refuses takes nothing under %s', async (rule) => {
    settlements();
    const socket = await sockets.connect();
    socket.send(`${rule}-guard`, 'guard');
    await socket.settled();
    expect(await remaining(rule, 'guard')).toBe(LIMIT);
    expect(settlements()).toEqual([]);
  });

  it.each(ruleNames)('a message whose client leaves stays charged under %s', async (rule) => {
    settlements();
    const { departures } = gate;
    const socket = await sockets.connect();
    socket.send(`${rule}-leave`, 'leave');
    await until(() => gate.begun.includes(rule));
    await socket.close();
    await until(() => gate.departures > departures);
    gate.open(rule);
    await until(() => gate.ended.includes(rule));
    expect(await remaining(rule, 'leave')).toBe(LIMIT - COST);
    expect(settlements()).toEqual([]);
  });
});
