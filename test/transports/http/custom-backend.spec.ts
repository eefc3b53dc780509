import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { type Backend, MemoryBackend, type Outcome, Throttle } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

@Controller()
class ListController {
  @Throttle({ rate: '2/min', strategy: 'fixed-window' })
  @Get('list')
  list() {
    return 'list';
  }
}

/** No promise but for its `then`, which gives none back. */
class Later {
  constructor(private readonly outcome: Outcome) {}

  // biome-ignore lint/suspicious/noThenProperty: that is what it is about
  then(resolve: (outcome: Outcome) => void): void {
    setImmediate(() => resolve(this.outcome));
  }
}

describe.each(adapters)('a custom backend on %s', (adapter) => {
  it('may return any thenable', async () => {
    const memory = new MemoryBackend();
    const backend: Backend = {
      spend: (charges) => new Later(memory.spend(charges)) as never,
      peek: (charges) => memory.peek(charges),
      settle: (receipt, costs) => memory.settle(receipt, costs),
      reset: (targets) => memory.reset(targets),
    };
    await using app = await startApp({ adapter, controllers: [ListController], options: { backend } });
    expect(await app.statuses('/list', 3)).toEqual([200, 200, 429]);
  });
});
