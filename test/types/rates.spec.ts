import { describe, expect, it } from '@jest/globals';
import { parseRate } from '../../src/core/rate.js';
import { OpenFile } from './language-service.js';

const COUNTS = ['5', '100', '007', '0', '00', '', '-5', '+5', '1.5', '1e3', '1_000', '1 000', '\u0665', 'five'];
const SEPARATORS = [
  '/',
  ' / ',
  '/\t',
  ' per ',
  '\tper\n',
  ' PER ',
  'per',
  'per ',
  ' per',
  ' / per ',
  '//',
  ' every ',
  '',
];
const PERIODS = ['', '1', '01 ', '3', '3 ', '07', '0', '0 ', '1.5'];
const UNITS = [
  ...['ms', 's', 'sec', 'secs', 'second', 'seconds', 'm', 'min', 'mins', 'minute', 'minutes', 'h', 'hr', 'hrs', 'hour'],
  ...['hours', 'd', 'day', 'days', 'w', 'week', 'weeks', 'Seconds', 'MIN', 'mS'],
  ...['month', 'MONTHS', 'year', 'years'],
  ...['', 'fortnight', 'mo', 'monthss', 'y', 'us', 'mss', 'hs', 'millis', 'min please', 's/s', 'secss'],
];

/** All forms of each part with common forms of the others, then lists of rates, and strings around them. */
function* texts(): Generator<string> {
  for (const count of COUNTS) for (const separator of SEPARATORS) yield `${count}${separator}min`;
  for (const separator of SEPARATORS) for (const period of PERIODS) yield `5${separator}${period}min`;
  for (const period of PERIODS) for (const unit of UNITS) yield `5/${period}${unit}`;
  for (const unit of UNITS) yield `5 per ${unit}`;
  for (const list of ['5/s;6/min', '5/s; 6/min ;7 per 2 days', '5/s;', ';5/s', '5/s;;6/s', '5/s; 0/s', '5/x; 5/s'])
    yield list;
  for (const text of ['5/min', 'unlimited', 'UNLIMITED', 'unlimited;', 'unlimited; 5/s', 'search', '5', '100', '']) {
    for (const [before, behind] of [
      ['', ''],
      [' ', '\n'],
      ['\u00a0\ufeff', '\u3000'],
      ['x', ''],
      ['', 'x'],
    ]) {
      yield `${before}${text}${behind}`;
    }
  }
}

function isRate(text: string): boolean {
  try {
    parseRate(text);
    return true;
  } catch {
    return false;
  }
}

describe('the compiler', () => {
  it('accepts the literals that parseRate accepts, and no others', () => {
    const all = [...new Set(texts())];
    const lines = all.map((text) => `parseRate(${JSON.stringify(text)});`);
    const messages = new OpenFile(
      `import { parseRate } from '../../src/core/rate.js';\n${lines.join('\n')}`,
    ).messages();
    const accepted = all.filter((_text, i) => !messages.has(i + 2));
    expect(accepted).toEqual(all.filter(isRate));
    expect(accepted.length).toBeGreaterThan(100);
    expect(all.length - accepted.length).toBeGreaterThan(200);
  });
});
