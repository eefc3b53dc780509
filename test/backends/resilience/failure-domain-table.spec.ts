import { describe, expect, it } from '@jest/globals';
import { BackendError } from '../../../src/backends/backend-error.js';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { FailureDomainTable } from '../../../src/backends/resilience/failure-domain-table.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge } from '../../../src/core/decision.js';
import { Emitter } from '../../../src/core/emitter.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { until } from '../../support/wait-until.js';

const policy = definePolicy('p', '5/min');
const DOWN = new BackendError('TIMEOUT', 'down');

/** A charge on the domain that its subject begins with. */
const on = (subject: string): Charge => ({ policy, subject, cost: 1 });

function newTable(all: readonly string[] = ['a', 'b', 'c']) {
  const clock = new ManualClock(5000);
  const emitted: BackendEvent[] = [];
  const events = new Emitter<BackendEvent>();
  events.listen((event) => {
    if (event.type !== 'failed') emitted.push(event);
  });
  const probed: string[][] = [];
  const down = new Set<string>();
  const backend = {
    masters: [...all],
    /** Domains whose budgets are elsewhere now. */
    movedTo: new Map<string, string>(),
    domains: {
      of: (targets: readonly { readonly subject: string }[]) => [
        ...new Set(targets.map(({ subject: [name = ''] }) => backend.movedTo.get(name) ?? name)),
      ],
      all: () => backend.masters,
    },
    async probe(charges: readonly Charge[]) {
      probed.push(charges.map(({ subject }) => subject));
      if (charges.some(({ subject: [name = ''] }) => down.has(name))) throw DOWN;
    },
  };
  const table = new FailureDomainTable(backend, events, clock);
  const fail = (times: number, charges: readonly Charge[], error = DOWN) => {
    const domains = table.of(charges);
    for (let i = 0; i < times; i++) table.failed(domains, error, charges);
  };
  const areOpen = (...subjects: readonly string[]) =>
    subjects.map((subject) => table.of([on(subject)]).some(({ breaker }) => breaker.isOpen));
  const afterProbes = async () => {
    clock.advance(1000);
    table.probe();
    await new Promise(setImmediate);
  };
  return { table, backend, clock, emitted, probed, down, fail, areOpen, afterProbes };
}

describe('a table of failure domains', () => {
  it('has a circuit breaker for each domain, and reports which opened and how many are open', () => {
    const { emitted, fail, areOpen, table } = newTable();
    fail(5, [on('a1')]);
    expect(areOpen('a1', 'a2', 'b1')).toEqual([true, true, false]);
    fail(5, [on('b1')]);
    expect(emitted).toEqual([
      { type: 'degraded', code: 'TIMEOUT', message: DOWN.message, domain: 'a', unavailable: ['a'], of: 3 },
      { type: 'degraded', code: 'TIMEOUT', message: DOWN.message, domain: 'b', unavailable: ['a', 'b'], of: 3 },
    ]);
    expect(table.retryAfterMs).toBe(1000);
  });

  it('counts failures by code: a hundred codes, and all others together', () => {
    const { table, fail } = newTable();
    fail(3, [on('a1')]);
    for (let i = 0; i < 101; i++) fail(2, [on('b1')], new BackendError(`CODE${i}`, 'down'));
    expect([table.failures.get('TIMEOUT'), table.failures.get('CODE98'), table.failures.get('OTHER')]).toEqual([
      3, 2, 4,
    ]);
    expect(table.failures.size).toBe(101);
  });

  it('counts the failure of a call on several domains for the one in the error, or else for all', () => {
    const { fail, areOpen } = newTable();
    fail(5, [on('a1'), on('b1')], new BackendError('TIMEOUT', 'down', true, { domain: 'b' }));
    expect(areOpen('a1', 'b1')).toEqual([false, true]);
    fail(5, [on('a1'), on('c1')]);
    expect(areOpen('a1', 'c1')).toEqual([true, true]);
  });

  it('probes each domain with its own charges of the last call that failed, once a second', async () => {
    const { fail, down, probed, emitted, areOpen, afterProbes } = newTable();
    down.add('b');
    fail(5, [on('a1'), on('b1'), on('b2')]);
    await afterProbes();
    expect(probed).toEqual([['a1'], ['b1', 'b2']]);
    expect(areOpen('a1', 'b1')).toEqual([false, true]);
    expect(emitted.at(-1)).toEqual({ type: 'recovered', domain: 'a', unavailable: ['b'], of: 3 });
    down.clear();
    await afterProbes();
    expect(emitted.at(-1)).toEqual({ type: 'recovered', domain: 'b', unavailable: [], of: 3 });
  });

  it('ignores the failure of a call that began before an outage ended', async () => {
    const { table, fail, areOpen, afterProbes } = newTable();
    const before = table.of([on('a1')]);
    fail(5, [on('a1')]);
    await afterProbes();
    for (let i = 0; i < 20; i++) table.failed(before, DOWN, [on('a1')]);
    expect(areOpen('a1')).toEqual([false]);
  });

  it('ends the outage of a domain that is replaced, without a probe', async () => {
    const { backend, fail, probed, emitted, areOpen, afterProbes } = newTable();
    fail(5, [on('a1')]);
    backend.masters = ['d', 'b', 'c'];
    backend.movedTo.set('a', 'd');
    expect(areOpen('a1')).toEqual([false]);
    await afterProbes();
    expect(probed).toEqual([]);
    expect(emitted.at(-1)).toEqual({ type: 'recovered', domain: 'a', unavailable: [], of: 3 });
  });

  it('ends an outage although no calls arrive, unless the table is closed', async () => {
    const { table, clock, fail, probed, down, emitted } = newTable();
    down.add('a');
    fail(5, [on('a1')]);
    clock.advance(1000);
    await until(() => probed.length === 1);
    down.delete('a');
    clock.advance(1000);
    await until(() => emitted.at(-1)?.type === 'recovered');

    table.close();
    fail(5, [on('a1')]);
    clock.advance(1000);
    // Longer than the table takes to look: the probe would have run.
    const other = newTable();
    other.fail(5, [on('a1')]);
    other.clock.advance(1000);
    await until(() => other.probed.length === 1);
    expect(probed).toEqual([['a1'], ['a1']]);
  });

  it('drops the failures of a domain that has left, when another one appears', () => {
    const { backend, fail, areOpen } = newTable();
    fail(4, [on('a1')]);
    backend.masters = ['b', 'c', 'd'];
    expect(areOpen('d1')).toEqual([false]);
    fail(1, [on('a1')]);
    expect(areOpen('a1')).toEqual([false]);
    fail(4, [on('a1')]);
    expect(areOpen('a1')).toEqual([true]);
  });

  it('has one breaker, and events without domains, for a backend that names none', async () => {
    const clock = new ManualClock(5000);
    const emitted: BackendEvent[] = [];
    const events = new Emitter<BackendEvent>();
    events.listen((event) => {
      if (event.type !== 'failed') emitted.push(event);
    });
    const table = new FailureDomainTable({ probe: async () => undefined }, events, clock);
    for (const subject of ['a', 'b', 'c', 'd', 'e']) {
      const charges = [on(subject)];
      table.failed(table.of(charges), DOWN, charges);
    }
    clock.advance(1000);
    table.probe();
    await new Promise(setImmediate);
    expect(emitted).toEqual([{ type: 'degraded', code: 'TIMEOUT', message: DOWN.message }, { type: 'recovered' }]);
  });
});
