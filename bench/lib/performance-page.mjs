import { readFileSync, writeFileSync } from 'node:fs';
import { tableOf } from './table.mjs';

const PAGE = new URL('../../docs/performance.md', import.meta.url);

/**
 * Writes a run into docs/performance.md: the machine, and the table of goals. A goal that the run did not measure keeps
 * its figure.
 *
 * @param {string} machine
 * @param {readonly Record<string, string>[]} rows
 */
export function writePage(machine, rows) {
  const page = readFileSync(PAGE, 'utf8');
  const known = new Map(
    part(page, 'goals')
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .map(([, goal, against, , measured, reached]) => [`${goal}|${against}`, { measured, reached }]),
  );
  const merged = rows.map((row) =>
    row.measured === '' ? { ...row, ...known.get(`${row.goal}|${row.against}`) } : row,
  );
  writeFileSync(PAGE, replaced(replaced(page, 'machine', machine), 'goals', tableOf(merged)));
}

/** Returns what stands between the two comments of a part, which GitHub does not show. */
function part(page, name) {
  const [, , found] = new RegExp(`(<!-- ${name} -->\n\n)(.*?)(\n\n<!-- /${name} -->)`, 's').exec(page) ?? [];
  if (found === undefined) throw new Error(`docs/performance.md: expected <!-- ${name} --> and <!-- /${name} -->`);
  return found;
}

function replaced(page, name, text) {
  return page.replace(part(page, name), () => text);
}
