import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Emitter } from '../../src/core/emitter.js';

/** An emitter with a listener that throws, then one that records the events. */
function emitterThatThrows(thrown: unknown) {
  const emitter = new Emitter<number>();
  const events: number[] = [];
  emitter.listen(() => {
    throw thrown;
  });
  emitter.listen((event) => events.push(event));
  return { emitter, events };
}

describe('an emitter', () => {
  let emitWarning: jest.SpiedFunction<typeof process.emitWarning>;

  beforeEach(() => {
    emitWarning = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  });

  afterEach(() => {
    emitWarning.mockRestore();
  });

  it('calls all listeners in the order in which they were added', () => {
    const emitter = new Emitter<number>();
    const calls: string[] = [];
    emitter.emit(0);
    emitter.listen((event) => calls.push(`first ${event}`));
    emitter.listen((event) => calls.push(`second ${event}`));
    emitter.emit(1);
    expect(calls).toEqual(['first 1', 'second 1']);
    expect(emitWarning).not.toHaveBeenCalled();
  });

  it('reports the exception of a listener as a process warning with its stack, and calls the others', () => {
    const error = new Error('the listener failed');
    const { emitter, events } = emitterThatThrows(error);
    emitter.emit(7);
    expect(events).toEqual([7]);
    expect(emitWarning.mock.calls).toEqual([
      ['the listener failed', { type: 'SluiceListenerWarning', detail: error.stack }],
    ]);
  });

  it.each([
    ['a string', () => 'x', 'A listener threw "x"'],
    ['undefined', () => undefined, 'A listener threw undefined'],
    ['an object without a prototype', () => Object.create(null), 'A listener threw an object with no members'],
  ])('reports a listener that throws %s, and calls the others', (_what, thrown, message) => {
    const { emitter, events } = emitterThatThrows(thrown());
    emitter.emit(7);
    expect(events).toEqual([7]);
    expect(emitWarning.mock.calls).toEqual([[message, { type: 'SluiceListenerWarning' }]]);
  });
});
