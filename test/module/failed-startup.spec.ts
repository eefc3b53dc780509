import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { MemoryBackend, Throttle } from '../../src/index.js';
import { startupError } from '../support/application.js';

class ClosedBackend extends MemoryBackend {
  closed = 0;

  override async close(): Promise<void> {
    this.closed += 1;
    await super.close();
  }
}

@Controller()
class WrongController {
  @Throttle('nobody')
  @Get('list')
  list() {
    return 'list';
  }
}

const stops = [
  ['a policy', { options: { policies: { login: { rate: '5/min', strategy: 'nothing' } } } }],
  ['a limit of a handler', { controllers: [WrongController] }],
  ['a limit of all requests', { options: { requests: { rate: '5/min', burst: 0 } } }],
] as const;

describe('startup that fails by an error in', () => {
  it.each(stops)('%s closes a backend that a function of the options created', async (_, boot) => {
    const backend = new ClosedBackend();
    const options = { backend: () => backend, ...('options' in boot ? boot.options : {}) };
    const controllers = 'controllers' in boot ? [...boot.controllers] : [];
    expect(
      await startupError(() => Reflect.apply(Object, undefined, [{ options, controllers }]), 'express'),
    ).not.toBeNull();
    expect(backend.closed).toBe(1);
  });

  it.each(stops)('%s does not close a backend that was passed', async (_, boot) => {
    const backend = new ClosedBackend();
    const options = { backend, ...('options' in boot ? boot.options : {}) };
    const controllers = 'controllers' in boot ? [...boot.controllers] : [];
    expect(
      await startupError(() => Reflect.apply(Object, undefined, [{ options, controllers }]), 'express'),
    ).not.toBeNull();
    expect(backend.closed).toBe(0);
  });
});
