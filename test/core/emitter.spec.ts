import { describe, expect, it } from '@jest/globals';
import { Emitter } from '../../src/core/emitter.js';

describe('an emitter', () => {
  it('calls all listeners in the order in which they were added', () => {
    const emitter = new Emitter<number>();
    const calls: string[] = [];
    emitter.emit(0);
    emitter.listen((event) => calls.push(`first ${event}`));
    emitter.listen((event) => calls.push(`second ${event}`));
    emitter.emit(1);
    expect(calls).toEqual(['first 1', 'second 1']);
  });

  it('reports the exception of a listener as a process warning, and calls the others', async () => {
    const emitter = new Emitter<number>();
    const calls: number[] = [];
    emitter.listen(() => {
      throw new Error('the listener failed');
    });
    emitter.listen((event) => calls.push(event));
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    emitter.emit(7);
    expect(calls).toEqual([7]);
    expect((await warned).message).toBe('the listener failed');
  });
});
