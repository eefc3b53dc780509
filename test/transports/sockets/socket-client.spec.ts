import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isRequest } from '../../../src/transports/call.js';
import {
  closeClient,
  closeReason,
  isEventClient,
  isOpen,
  isSocket,
  onClientGone,
  sendEvent,
  upgradeRequestOf,
} from '../../../src/transports/sockets/socket-client.js';

const bytesOf = (text: string) => Buffer.byteLength(text);

describe('the reason of a close frame', () => {
  it.each([
    ['', ''],
    ['Too many messages', 'Too many messages'],
    ['a'.repeat(123), 'a'.repeat(123)],
    ['a'.repeat(124), 'a'.repeat(123)],
    ['é'.repeat(61), 'é'.repeat(61)],
    ['é'.repeat(62), 'é'.repeat(61)],
    [`a${'é'.repeat(62)}`, `a${'é'.repeat(61)}`],
    ['€'.repeat(41), '€'.repeat(41)],
    ['€'.repeat(42), '€'.repeat(41)],
    [`a${'€'.repeat(41)}`, `a${'€'.repeat(40)}`],
    ['😀'.repeat(31), '😀'.repeat(30)],
    [`aaa${'😀'.repeat(30)}`, `aaa${'😀'.repeat(30)}`],
    [`aaaa${'😀'.repeat(30)}`, `aaaa${'😀'.repeat(29)}`],
  ])('is cut between characters: %j', (text, reason) => {
    expect(closeReason(text)).toBe(reason);
  });

  it('is cut to 123 bytes, without a broken character', () => {
    const character = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom('a', 'é', '€', '😀', '\u07ff', '\u0800', '\uffff', '\u{10000}', '\u{10ffff}'),
    );
    const text = fc.array(character, { maxLength: 130 }).map((characters) => characters.join(''));
    fc.assert(
      fc.property(text, (whole) => {
        const reason = closeReason(whole);
        const next = [...whole.slice(reason.length)][0];
        return (
          whole.startsWith(reason) &&
          reason.isWellFormed() &&
          bytesOf(reason) <= 123 &&
          (next === undefined || bytesOf(reason) + bytesOf(next) > 123)
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('fits into a frame, even if the string is not well-formed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 80 }), (units) => {
        const whole = String.fromCharCode(...units);
        const reason = closeReason(whole);
        return whole.toWellFormed().startsWith(reason) && bytesOf(reason) <= 123;
      }),
      { numRuns: 1000 },
    );
  });
});

/** A client of ws, by its shape. */
function textClient(readyState?: number) {
  const sent: string[] = [];
  const closed: unknown[] = [];
  const client = {
    ...(readyState !== undefined && { readyState }),
    send: (text: string, done: () => void) => {
      sent.push(text);
      done();
    },
    close: (code: number, reason: string) => void closed.push([code, reason]),
  };
  return { client, sent, closed };
}

/** A client of socket.io, by its shape. */
function eventClient(connected: boolean) {
  const sent: unknown[] = [];
  const closed: unknown[] = [];
  const client = {
    connected,
    handshake: {},
    request: { headers: {}, method: 'GET' },
    emit: (event: string, payload: object) => void sent.push([event, payload]),
    disconnect: (isWhole: boolean) => void closed.push(isWhole),
    send: () => sent.push('sent as a text'),
    close: () => closed.push('closed as a text client'),
  };
  return { client, sent, closed };
}

describe('a client', () => {
  it('of text messages is open in the state of the standard, or without a state', () => {
    expect([0, 1, 2, 3, undefined].map((state) => isOpen(textClient(state).client))).toEqual([
      false,
      true,
      false,
      false,
      true,
    ]);
  });

  it('of events is open while it is connected', () => {
    expect([true, false].map((connected) => isOpen(eventClient(connected).client))).toEqual([true, false]);
  });

  it.each([1, undefined])('of text messages is sent the event and its data, in the state %j', (state) => {
    const { client, sent } = textClient(state);
    sendEvent(client, 'rate_limit', { retry_after: 3 });
    expect(sent).toEqual(['{"event":"rate_limit","data":{"retry_after":3}}']);
  });

  it('of events is sent an event', () => {
    const { client, sent } = eventClient(true);
    sendEvent(client, 'rate_limit', { retry_after: 3 });
    expect(sent).toEqual([['rate_limit', { retry_after: 3 }]]);
  });

  it('that has gone is sent nothing, without an error', () => {
    for (const { client, sent } of [textClient(0), textClient(2), textClient(3), eventClient(false)]) {
      sendEvent(client, 'rate_limit', {});
      expect(sent).toEqual([]);
    }
    expect(() => sendEvent({}, 'rate_limit', {})).not.toThrow();
  });

  it('is closed with the code of a policy violation, and a reason that is cut to fit', () => {
    const { client, closed } = textClient(1);
    closeClient(client, 'x'.repeat(200));
    expect(closed).toEqual([[1008, 'x'.repeat(123)]]);
    const { client: other, closed: disconnected } = eventClient(true);
    closeClient(other, 'x');
    expect(disconnected).toEqual([true]);
    expect(() => closeClient({}, 'x')).not.toThrow();
  });

  it('is recognized by its members', () => {
    const shapes = [textClient(1).client, textClient().client, eventClient(true).client];
    expect(shapes.map(isSocket)).toEqual([true, true, true]);
    expect(shapes.map(isEventClient)).toEqual([false, false, true]);
    const others = [undefined, null, 'text', 7, {}, { send: () => {} }, { close: () => {} }, { emit: () => {} }, []];
    expect(others.map(isSocket)).toEqual(others.map(() => false));
  });

  it('keeps its request on socket.io, if that is one', () => {
    const { client } = eventClient(true);
    expect(upgradeRequestOf(client)).toBe(client.request);
    expect(upgradeRequestOf({ ...client, request: {} })).toBe(undefined);
    expect(upgradeRequestOf({ ...textClient(1).client, request: client.request })).toBe(undefined);
    expect([client.request, { headers: {} }, { method: 'GET' }, null, 'GET'].map(isRequest)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('the end of a client', () => {
  it.each([
    ['close', () => Object.assign(new EventEmitter(), textClient(1).client)],
    ['disconnect', () => Object.assign(new EventEmitter(), { connected: true, handshake: {} })],
  ])('is reported once, by the event %s', (event, make) => {
    const client = make();
    let told = 0;
    onClientGone(client, () => told++);
    expect(told).toBe(0);
    for (const one of ['close', 'disconnect', event]) client.emit(one);
    expect(told).toBe(1);
  });

  it('is reported at once if it has gone, and not after the listener was removed', () => {
    let told = 0;
    onClientGone(Object.assign(new EventEmitter(), textClient(3).client), () => told++);
    expect(told).toBe(1);
    const client = Object.assign(new EventEmitter(), textClient(1).client);
    onClientGone(client, () => told++)();
    client.emit('close');
    expect([told, client.listenerCount('close')]).toEqual([1, 0]);
    expect(() => onClientGone(textClient(1).client, () => told++)()).not.toThrow();
    expect(told).toBe(1);
  });
});
