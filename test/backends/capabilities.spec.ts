import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../src/backends/backend.js';
import { assertCapable } from '../../src/backends/capabilities.js';
import type { HoldStore } from '../../src/backends/hold-store.js';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { ThrottleConfigError } from '../../src/core/errors.js';
import { definePolicy } from '../../src/strategies/define-policy.js';

const policy = definePolicy('export', '5/day');

/** A backend without any optional part. */
class Limits implements Backend {
  readonly #memory = new MemoryBackend();
  readonly spend = this.#memory.spend.bind(this.#memory);
  readonly peek = this.#memory.peek.bind(this.#memory);
  readonly settle = this.#memory.settle.bind(this.#memory);
  readonly reset = this.#memory.reset.bind(this.#memory);
}

/** A backend with one optional part. */
function withPart(part: Pick<Backend, 'holds' | 'settings'>): Backend {
  return Object.assign(new Limits(), part);
}

describe('the check of what a backend can do', () => {
  it('names the policy, the option, the backend and the missing part', () => {
    expect(() => assertCapable(new Limits(), policy, 'holds', 'concurrency')).toThrow(
      new ThrottleConfigError(
        'SLUICE_UNSUPPORTED_BACKEND',
        'policy "export": `concurrency` needs a backend that holds units while a call runs, and Limits has no `holds`. Leave `concurrency` out, or use another backend.',
      ),
    );
    expect(() => assertCapable(new Limits(), policy, 'settings', 'overrides')).toThrow(
      new ThrottleConfigError(
        'SLUICE_UNSUPPORTED_BACKEND',
        'policy "export": `overrides` needs a backend that stores limits that change at run time, and Limits has no `settings`. Leave `overrides` out, or use another backend.',
      ),
    );
  });

  it('accepts only a backend that has the required part', () => {
    const holds: HoldStore = {
      take: () => ({ allowed: true, decisions: [], binding: null }),
      peek: () => ({ allowed: true, decisions: [], binding: null }),
      extend: () => [],
      grow: () => {
        throw new Error('nothing is held');
      },
      end: () => [],
    };
    expect(() => assertCapable(withPart({ holds }), policy, 'holds', 'concurrency')).not.toThrow();
    expect(() => assertCapable(withPart({ holds }), policy, 'settings', 'overrides')).toThrow(ThrottleConfigError);
  });
});
