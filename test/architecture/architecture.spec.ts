import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { faultsIn, importsOf, type Sources } from './import-rules.js';

const root = fileURLToPath(new URL('../../src/', import.meta.url));

function readSources(): Sources {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(`${root}${path}`, 'utf8')]));
}

describe('the sources', () => {
  const sources = readSources();

  it('keep to the architecture', () => {
    expect(faultsIn(sources)).toEqual([]);
  });

  it('are all there, and import one another', () => {
    expect([...sources.keys()]).toEqual(
      expect.arrayContaining([
        'index.ts',
        'core/clock.ts',
        'strategies/bucket.ts',
        'backends/memory/memory.backend.ts',
      ]),
    );
    expect(sources.size).toBeGreaterThanOrEqual(18);
    const imports = [...sources.values()].flatMap(importsOf);
    expect(imports.length).toBeGreaterThan(3 * sources.size);
    expect(imports).toEqual(expect.arrayContaining(['../core/policy.js', './core/clock.js', 'node:crypto']));
  });

  it('are what the index exports from, name by name', () => {
    const index = sources.get('index.ts') ?? '';
    expect(index.match(/^export /gm)?.length).toBe(importsOf(index).length);
  });
});

describe('the check of the architecture', () => {
  /** Faults of a small source tree, and of one more file in it. */
  function check(path: string, text: string): readonly string[] {
    const files: readonly (readonly [path: string, text: string])[] = [
      ['index.ts', "export { a } from './core/a.js';"],
      ['core/a.ts', 'export const a = 1;'],
      ['strategies/b.ts', "import { a } from '../core/a.js';"],
      ['backends/c.ts', "import type { b } from '../strategies/b.js';"],
      ['backends/memory/m.ts', ''],
      ['backends/resilience/r.ts', ''],
      ['backends/leasing/l.ts', ''],
      ['transports/d.ts', ''],
      ['decorators/e.ts', ''],
      ['service/f.ts', "import { Injectable } from '@nestjs/common';"],
      ['guards/g.ts', ''],
      ['interceptors/h.ts', ''],
      ['module/i.ts', ''],
      ['testing/contract/sections/s.ts', ''],
      ['testing/t.ts', ''],
      [path, text],
    ];
    return faultsIn(new Map(files));
  }

  it.each([
    ['core/x.ts', "import { createHash } from 'node:crypto';"],
    ['core/x.ts', "import { a } from './a.js';"],
    ['strategies/x.ts', "export type { A } from '../core/a.js';"],
    ['transports/x.ts', "import { c } from '../backends/c.js'; import { Injectable } from '@nestjs/common';"],
    ['backends/resilience/x.ts', "import { m } from '../memory/m.js'; import { c } from '../c.js';"],
    ['planning/x.ts', "import { e } from '../decorators/e.js'; import { d } from '../transports/d.js';"],
    ['service/x.ts', "import { e } from '../decorators/e.js'; import { map } from 'rxjs/operators';"],
    ['guards/x.ts', "import { f } from '../service/f.js';"],
    ['module/x.ts', "import { g } from '../guards/g.js'; import { h } from '../interceptors/h.js';"],
    ['testing/x.ts', "import { i } from '../module/i.js'; import assert from 'node:assert/strict';"],
    ['testing/contract/x.ts', "import { s } from './sections/s.js'; import { m } from '../../backends/memory/m.js';"],
    ['core/clock.ts', 'export const now = () => Date.now();'],
    ['transports/x.ts', "export const type = 'http';"],
    ['core/x.ts', "const MARK = Symbol.for('nestjs-sluice:mark');"],
    ['core/x.ts', "const known = sharedState('known', () => new WeakMap<object, string>());"],
    ['service/x.ts', 'export class X {\n  readonly #known = new WeakMap<object, string>();\n}'],
    ['service/x.ts', 'export function x() {\n  let count = 0;\n  return ++count;\n}'],
    ['backends/server-clock.ts', 'export const now = () => performance.now();'],
    ['core/x.ts', "// import { f } from '../service/f.js'; Date.now()\n/** export default */"],
    ['core/x.ts', "/* import { Injectable } from '@nestjs/common'; */ const url = 'https://x';"],
  ])('allows %s: %j', (path, text) => expect(check(path, text)).toEqual([]));

  it.each([
    ['core/x.ts', "import { b } from '../strategies/b.js';", 'may not import strategies/b.ts'],
    ['core/x.ts', "import type { b } from '../strategies/b.js';", 'may not import strategies/b.ts'],
    ['core/x.ts', "import {\n  type b,\n} from '../strategies/b.js';", 'may not import strategies/b.ts'],
    ['core/x.ts', "export { b } from '../strategies/b.js';", 'may not import strategies/b.ts'],
    ['core/x.ts', "import '../strategies/b.js';", 'may not import strategies/b.ts'],
    ['core/x.ts', 'import "../strategies/b.js";', 'may not import strategies/b.ts'],
    ['core/x.ts', "const b = await import('../strategies/b.js');", 'may not import strategies/b.ts'],
    ['core/x.ts', "type B = import('../strategies/b.js').B;", 'may not import strategies/b.ts'],
    ['core/x.ts', "const b = require('../strategies/b.js');", 'may not import strategies/b.ts'],
    ['core/x.ts', "const x = 1; import { b } from '../strategies/b.js';", 'may not import strategies/b.ts'],
    ['strategies/x.ts', "import { c } from '../backends/c.js';", 'may not import backends/c.ts'],
    ['backends/x.ts', "import { d } from '../transports/d.js';", 'may not import transports/d.ts'],
    ['transports/x.ts', "import { e } from '../decorators/e.js';", 'may not import decorators/e.ts'],
    ['decorators/x.ts', "import { f } from '../service/f.js';", 'may not import service/f.ts'],
    ['service/x.ts', "import { g } from '../guards/g.js';", 'may not import guards/g.ts'],
    ['guards/x.ts', "import { h } from '../interceptors/h.js';", 'may not import interceptors/h.ts'],
    ['interceptors/x.ts', "import { i } from '../module/i.js';", 'may not import module/i.ts'],
    ['module/x.ts', "import { a } from '../index.js';", 'may not import index.ts'],
    ['module/x.ts', "import { t } from '../testing/t.js';", 'may not import testing/t.ts'],
    ['testing/contract/sections/x.ts', "import { t } from '../../t.js';", 'may not import testing/t.ts'],
    ['testing/x.ts', "import { Test } from '@nestjs/testing';", 'may not import @nestjs/testing'],
    ['testing/x.ts', "import fc from 'fast-check';", 'may not import fast-check'],
    ['backends/x.ts', "import { m } from './memory/m.js';", 'may not import backends/memory/m.ts'],
    ['backends/memory/x.ts', "import { r } from '../resilience/r.js';", 'may not import backends/resilience/r.ts'],
    ['backends/resilience/x.ts', "import { l } from '../leasing/l.js';", 'may not import backends/leasing/l.ts'],
    ['planning/x.ts', "import { f } from '../service/f.js';", 'may not import service/f.ts'],
    ['service/calls/x.ts', "import { f } from '../f.js';", 'may not import service/f.ts'],
    ['core/x.ts', "import { y } from './y.js';", './y.js is no file of src'],
    ['helpers/x.ts', '', '"helpers" is no folder of the design'],
    ['core/x.ts', "import { Injectable } from '@nestjs/common';", 'may not import @nestjs/common'],
    ['strategies/x.ts', "import type { Type } from '@nestjs/core';", 'may not import @nestjs/core'],
    ['backends/x.ts', "import { Subject } from 'rxjs';", 'may not import rxjs'],
    ['service/x.ts', "import ipaddr from 'ipaddr.js';", 'may not import ipaddr.js'],
    ['transports/x.ts', "import type { Redis } from 'ioredis';", 'may not import ioredis'],
    ['module/x.ts', "import fs from 'fs';", 'may not import fs'],
    ['module/x.ts', "import { x } from '@nestjs/common-extras';", 'may not import @nestjs/common-extras'],
    ['core/x.ts', "export * from './a.js';", 'export *'],
    ['core/x.ts', "export * as a from './a.js';", 'export *'],
    ['core/x.ts', "export type * from './a.js';", 'export *'],
    ['core/x.ts', 'export default class {}', 'a default export'],
    ['core/x.ts', "export { a as default } from './a.js';", 'a default export'],
    ['core/x.ts', 'export const now = Date.now();', 'reads a clock'],
    ['service/x.ts', 'export const now = () => performance.now();', 'reads a clock'],
    ['service/x.ts', 'export const now = +new Date();', 'reads a clock'],
    ['core/x.ts', "const MARK = Symbol('mark');", 'a symbol of one copy, use Symbol.for'],
    ['service/x.ts', 'let count = 0;', 'state of one copy, use sharedState'],
    ['service/x.ts', 'const known = new WeakMap<object, string>();', 'state of one copy, use sharedState'],
    ['service/x.ts', 'export const storage = new AsyncLocalStorage();', 'state of one copy, use sharedState'],
    ['guards/x.ts', "export const isOurs = (type: string) => type === 'http';", 'names a transport'],
  ])('catches %s: %j', (path, text, fault) => expect(check(path, text)).toEqual([`${path}: ${fault}`]));

  it('catches a file of more than 350 lines', () => {
    const line = 'export const x = 1;\n';
    expect(check('core/x.ts', line.repeat(350))).toEqual([]);
    expect(check('core/x.ts', line.repeat(351))).toEqual(['core/x.ts: 351 lines']);
  });

  it('catches a folder of more than 13 files', () => {
    const folder = (count: number): Sources =>
      new Map(Array.from({ length: count }, (_, i) => [`core/file-${i}.ts`, 'export const x = 1;\n']));
    expect(faultsIn(folder(13))).toEqual([]);
    expect(faultsIn(folder(14))).toEqual(['core: 14 files']);
  });

  it('catches files that import one another in a circle', () => {
    expect(check('core/a.ts', "import type { a } from './a.js';")).toEqual(['a circle: core/a.ts -> core/a.ts']);
    const circle: Sources = new Map([
      ['core/a.ts', "import { b } from './b.js';"],
      ['core/b.ts', "export type { C } from './c.js';"],
      ['core/c.ts', "import { a } from './a.js';"],
    ]);
    expect(faultsIn(circle)).toEqual(['a circle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts']);
  });
});
