import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Emitter } from '../../src/core/emitter.js';

describe('an emitter', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('calls its listeners in the order in which they were added, with events from then on', () => {
    const heard: string[] = [];
    const emitter = new Emitter<string>();
    emitter.emit('before');
    emitter.listen((event) => heard.push(`first ${event}`));
    emitter.emit('one');
    emitter.listen((event) => heard.push(`second ${event}`));
    emitter.emit('two');
    expect(heard).toEqual(['first one', 'first two', 'second two']);
  });

  it.each([
    [new Error('broken'), new Error('broken')],
    ['broken', 'broken'],
  ])('reports an exception of a listener as a warning, and calls the others: %p', (thrown, warning) => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const heard: number[] = [];
    const emitter = new Emitter<number>();
    emitter.listen(() => {
      throw thrown;
    });
    emitter.listen((event) => heard.push(event));
    emitter.emit(1);
    expect(heard).toEqual([1]);
    expect(emitWarning.mock.calls).toEqual([[warning, 'SluiceListenerWarning']]);
  });
});
