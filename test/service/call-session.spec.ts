import { describe, expect, it } from '@jest/globals';
import { currentCall, openCall, sessionOf } from '../../src/service/calls/call-session.js';

describe('what is remembered of a request', () => {
  it('is found again', () => {
    const request = {};
    const state = sessionOf(request);
    expect(sessionOf(request)).toBe(state);
  });

  it('is found again of one that takes no member', () => {
    const request = Object.freeze({});
    const state = sessionOf(request);
    expect(sessionOf(request)).toBe(state);
    expect(sessionOf(Object.freeze({}))).not.toBe(state);
  });

  it.each([
    ['a copy', (request: object) => ({ ...request })],
    ['what inherits from it', (request: object) => Object.create(request)],
    ['what inherits from it and takes no member', (request: object) => Object.freeze(Object.create(request))],
  ])('is not that of %s, which would pass as charged', (_, another) => {
    const request = {};
    const state = sessionOf(request);
    const other: object = another(request);
    const ofOther = sessionOf(other);
    expect(ofOther).not.toBe(state);
    expect(sessionOf(other)).toBe(ofOther);
    expect(sessionOf(request)).toBe(state);
  });

  it('is not lost where a Proxy hands it on to its request, which would be charged twice', () => {
    const request = {};
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
  ])('is found again of a Proxy that %s', (_, handler) => {
    const view = new Proxy({}, handler);
    expect(sessionOf(view)).toBe(sessionOf(view));
  });

  it('is found again of what inherits from a request that was frozen since', () => {
    const request = {};
    sessionOf(request);
    const other = Object.create(Object.freeze(request));
    expect(sessionOf(other)).toBe(sessionOf(other));
  });

  it('is that of the call being handled', () => {
    const request = {};
    expect(openCall(request, currentCall)).toBe(sessionOf(request));
    expect(currentCall()).toBeUndefined();
  });
});
