import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { CallSession } from '../../src/service/calls/call-session.js';
import { currentSession, keepSession, runInSession, sessionOn } from '../../src/service/calls/session-store.js';
import { DetachedCall } from '../../src/transports/http/detached-call.js';

/** Returns the session of a target; the first time, a new one. */
function sessionOf(target: object): CallSession {
  const known = sessionOn(target);
  if (known !== undefined) return known;
  const call = new DetachedCall('nest');
  const session = new CallSession(call, call, target);
  keepSession(session, target);
  return session;
}

/** A request as Express makes it of that of Node, with these raw headers. */
function expressRequest(rawHeaders: readonly string[]): object {
  const request = Object.setPrototypeOf(new IncomingMessage(new Socket()), Object.create(IncomingMessage.prototype));
  request.rawHeaders = rawHeaders;
  return request;
}

describe.each([
  ['a request', () => ({})],
  ['a request of Node', () => new IncomingMessage(new Socket())],
  ['a request of Express', () => expressRequest(['Host', 'localhost'])],
  ['a request of Express whose raw headers take no member', () => expressRequest(Object.freeze([]))],
])('the session of %s', (_of, newRequest: () => object) => {
  it('is found again', () => {
    const request = newRequest();
    const state = sessionOf(request);
    expect(sessionOf(request)).toBe(state);
  });

  it('is found again if no member can be added to the request', () => {
    const request = Object.freeze(newRequest());
    const state = sessionOf(request);
    expect(sessionOf(request)).toBe(state);
    expect(sessionOf(Object.freeze(newRequest()))).not.toBe(state);
  });

  it.each([
    ['a copy of it', (request: object) => ({ ...request })],
    ['an object that inherits from it', (request: object) => Object.create(request)],
    ['an object that inherits from it and takes no member', (request: object) => Object.freeze(Object.create(request))],
  ])('is not the session of %s, which would pass as charged', (_, another) => {
    const request = newRequest();
    const state = sessionOf(request);
    const other: object = another(request);
    const ofOther = sessionOf(other);
    expect(ofOther).not.toBe(state);
    expect(sessionOf(other)).toBe(ofOther);
    expect(sessionOf(request)).toBe(state);
  });

  it('is not replaced by that of a Proxy, which would charge the request twice', () => {
    const request = newRequest();
    const state = sessionOf(request);
    const view = new Proxy(request, {});
    const ofView = sessionOf(view);
    expect(ofView).not.toBe(state);
    expect(sessionOf(request)).toBe(state);
    expect(sessionOf(view)).toBe(ofView);
  });

  it.each<[string, ProxyHandler<object>]>([
    ['refuses members', { set: () => false }],
    [
      'throws for members',
      {
        set: () => {
          throw new Error('a view');
        },
      },
    ],
    ['shows no symbols', { get: (target, key) => (typeof key === 'symbol' ? undefined : Reflect.get(target, key)) }],
  ])('is found again on a Proxy that %s', (_, handler) => {
    const view = new Proxy(newRequest(), handler);
    expect(sessionOf(view)).toBe(sessionOf(view));
  });

  it('is found again on an object that inherits from a request that was frozen later', () => {
    const request = newRequest();
    sessionOf(request);
    const other = Object.create(Object.freeze(request));
    expect(sessionOf(other)).toBe(sessionOf(other));
  });

  it('is the current session while the call is handled', () => {
    const request = newRequest();
    expect(runInSession(sessionOf(request), currentSession)).toBe(sessionOf(request));
    expect(currentSession()).toBeUndefined();
  });
});

describe('the session of a request of Node', () => {
  it('is found again after Express has changed the prototype of the request', () => {
    const request = new IncomingMessage(new Socket());
    const state = sessionOf(request);
    Object.setPrototypeOf(request, Object.create(IncomingMessage.prototype));
    expect(sessionOf(request)).toBe(state);
  });
});
