import { describe, expect, it } from '@jest/globals';
import { currentCall, openCall, stateOf } from '../../src/service/call-state.js';

describe('what is remembered of a request', () => {
  it('is found again', () => {
    const request = {};
    const state = stateOf(request);
    expect(stateOf(request)).toBe(state);
  });

  it('is found again of one that takes no member', () => {
    const request = Object.freeze({});
    const state = stateOf(request);
    expect(stateOf(request)).toBe(state);
    expect(stateOf(Object.freeze({}))).not.toBe(state);
  });

  it.each([
    ['a copy', (request: object) => ({ ...request })],
    ['what inherits from it', (request: object) => Object.create(request)],
    ['what inherits from it and takes no member', (request: object) => Object.freeze(Object.create(request))],
  ])('is not that of %s, which would pass as charged', (_, another) => {
    const request = {};
    const state = stateOf(request);
    const other: object = another(request);
    const ofOther = stateOf(other);
    expect(ofOther).not.toBe(state);
    expect(stateOf(other)).toBe(ofOther);
    expect(stateOf(request)).toBe(state);
  });

  it('is not lost where a Proxy hands it on to its request, which would be charged twice', () => {
    const request = {};
    const state = stateOf(request);
    const view = new Proxy(request, {});
    const ofView = stateOf(view);
    expect(ofView).not.toBe(state);
    expect(stateOf(request)).toBe(state);
    expect(stateOf(view)).toBe(ofView);
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
    expect(stateOf(view)).toBe(stateOf(view));
  });

  it('is found again of what inherits from a request that was frozen since', () => {
    const request = {};
    stateOf(request);
    const other = Object.create(Object.freeze(request));
    expect(stateOf(other)).toBe(stateOf(other));
  });

  it('is that of the call being handled', () => {
    const request = {};
    expect(openCall(request, currentCall)).toBe(stateOf(request));
    expect(currentCall()).toBeUndefined();
  });
});
