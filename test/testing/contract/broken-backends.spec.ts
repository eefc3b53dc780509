import { describe, expect, it } from '@jest/globals';
import { backendContract } from 'nestjs-sluice/testing';
import { thrownProblem } from '../../support/config-error.js';
import { BROKEN_BACKENDS } from './broken-backends.js';
import { BROKEN_BLOCKS, PlainBlocks } from './broken-blocks.js';
import { BROKEN_HOLDS, PlainHolds } from './broken-holds.js';
import { BROKEN_MODES } from './broken-modes.js';
import { BROKEN_QUOTAS } from './broken-quotas.js';
import { BROKEN_SETTINGS, PlainSettings } from './broken-settings.js';
import { failuresOf } from './failures.js';
import { type BrokenBackend, PlainBackend } from './plain-backend.js';
import { PlainLimits } from './plain-limits.js';

const casesFor = (create: BrokenBackend['create']) => backendContract({ create, effort: 0.005, seed: 1 });

describe('the contract of backends', () => {
  it('is kept by a correct one', async () => {
    expect(await failuresOf(casesFor((clock) => new PlainBackend(clock)))).toEqual([]);
  });

  it('is kept by a correct one with settings', async () => {
    expect(await failuresOf(casesFor((clock) => new PlainSettings(clock)))).toEqual([]);
  });

  it('is kept by a correct one with blocks and credits', async () => {
    expect(await failuresOf(casesFor((clock) => new PlainBlocks(clock)))).toEqual([]);
  });

  it('is kept by a correct one with holds', async () => {
    expect(await failuresOf(casesFor((clock) => new PlainHolds(clock)))).toEqual([]);
  });

  it.each([
    ...BROKEN_BACKENDS,
    ...BROKEN_MODES,
    ...BROKEN_SETTINGS,
    ...BROKEN_QUOTAS,
    ...BROKEN_HOLDS,
    ...BROKEN_BLOCKS,
  ])('catches one that $fault', async ({ create, breaks }) => {
    const cases = casesFor(create).filter(({ name }) => breaks.some((promise) => name.includes(promise)));
    const failures = await failuresOf(cases);
    for (const promise of breaks) expect(failures).toContainEqual(expect.stringContaining(promise));
  });

  describe('without modes', () => {
    const withoutModes = (create: BrokenBackend['create']) =>
      backendContract({ create, effort: 0.005, seed: 1, hasModes: false });

    it('is kept by a backend that refuses them', async () => {
      expect(await failuresOf(withoutModes((clock) => new PlainLimits(clock)))).toEqual([]);
    });

    it('is not kept by one that has them, and checks nothing else', async () => {
      expect(await failuresOf(withoutModes((clock) => new PlainBackend(clock)))).toEqual([
        'a backend without modes: refuses record with a configuration error, and takes nothing',
        'a backend without modes: refuses monitor with a configuration error, and takes nothing',
        'a backend without modes: refuses a settlement above what was taken, and the receipt can still be settled',
      ]);
    });

    it.each<readonly [fault: string, create: BrokenBackend['create'], promise: string]>([
      ['enforces a record', (clock) => new PlainLimits(clock, { ignored: 'mode' }), 'refuses record'],
      ['ignores arguments', (clock) => new PlainLimits(clock, { ignored: 'arguments' }), 'refuses arguments with'],
      [
        'settles up to what was taken',
        (clock) => new PlainLimits(clock, { ignored: 'overruns' }),
        'above what was taken',
      ],
    ])('is not kept by one that %s', async (_fault, create, promise) => {
      expect(await failuresOf(withoutModes(create))).toContainEqual(expect.stringContaining(promise));
    });
  });

  it('has unique names, and more than two hundred cases', () => {
    const names = casesFor((clock) => new PlainBackend(clock)).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(200);
  });

  it('reports seed and case of a random failure, and repeats it with that seed', async () => {
    const broken = BROKEN_BACKENDS.find(({ fault }) => fault === 'settles twice');
    if (broken === undefined) throw new Error('there is no such fault');
    const messages: string[] = [];
    for (const seed of [7, 7]) {
      const cases = backendContract({ create: broken.create, effort: 0.01, seed });
      const random = cases.find(({ name }) => name.startsWith('a refund never returns more'));
      messages.push(String(await random?.run().catch((error: Error) => error.message)));
    }
    expect(messages[0]).toMatch(/^Random case \d+ of 80 fails; the seed is 7\.\n\{"policy"/);
    expect(messages[1]).toBe(messages[0]);
  });

  it.each<readonly [options: object, message: string]>([
    [{}, 'backendContract: create: expected a function of the clock, got undefined'],
    [{ create: () => {}, effort: 0 }, 'backendContract: effort: expected a number above 0, got 0 (number)'],
    [{ create: () => {}, hasModes: 1 }, 'backendContract: hasModes: expected true or false, got 1 (number)'],
    [{ make: () => {} }, 'backendContract: there is no option "make". Known: create, effort, seed, hasModes.'],
  ])('refuses %j', (options, message) => {
    expect(thrownProblem(() => Reflect.apply(backendContract, undefined, [options]))).toBe(message);
  });
});
