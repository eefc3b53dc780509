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

  it('is that of the call being handled', () => {
    const request = {};
    expect(openCall(request, currentCall)).toBe(stateOf(request));
    expect(currentCall()).toBeUndefined();
  });
});
