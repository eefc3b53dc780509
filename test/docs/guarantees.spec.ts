import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const page = fileURLToPath(new URL('../../docs/guarantees.md', import.meta.url));
const text = readFileSync(page, 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (---|strategy \||promise \||what happens)/.test(line));

/** The tests that a text names: their titles, and the files that they are in. */
function testsIn(line: string) {
  return [...line.matchAll(/\[([^\]]+(?:\[[^\]]*\][^\]]*)*)\]\((\.\.\/(?:test|src)\/[^)]+)\)/g)].map(
    ([, title = '', file = '']) => ({
      title,
      file: fileURLToPath(new URL(file, `file://${page}`)),
    }),
  );
}

/** Returns true if a file has a test of this title, as a string of its own. */
function hasTest(file: string, title: string): boolean {
  if (!existsSync(file)) return false;
  const source = readFileSync(file, 'utf8').replaceAll('\\', '');
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
}

describe('docs/guarantees.md', () => {
  it('has promises, and each names a test', () => {
    expect(rows.length).toBeGreaterThan(35);
    expect(rows.filter((row) => testsIn(row).length === 0)).toEqual([]);
  });

  it('names tests that exist', () => {
    const tests = testsIn(text);
    expect(tests.filter(({ file, title }) => !hasTest(file, title))).toEqual([]);
  });

  it('is checked: a test that does not exist is found', () => {
    const [first] = testsIn(text);
    if (first === undefined) throw new Error('no test is named');
    expect([
      hasTest(first.file, first.title),
      hasTest(first.file, `${first.title}!`),
      hasTest('/missing', first.title),
    ]).toEqual([true, false, false]);
  });
});
