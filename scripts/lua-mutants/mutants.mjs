import { scopesOf, tokensOf } from './tokens.mjs';

/** What each operator and word becomes: its neighbour, and its opposite. */
const OTHERS = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '==': ['~='],
  '~=': ['=='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['/'],
  and: ['or'],
  or: ['and'],
  not: [''],
  true: ['false'],
  false: ['true'],
};

const FIELDS = { min: ['max'], max: ['min'], floor: ['ceil'], ceil: ['floor'], limit: ['burst'], burst: ['limit'] };

/** Locals that stand for the same kind of thing: one is put where another was, if it is in scope. */
const KINDS = [
  'now t at newest start current stored server_ms'.split(' '),
  'cost total used after deficit wanted room sum left excess units given most full budget'.split(' '),
  'limit burst'.split(' '),
  'span within period_ms idle_ms ahead_ms'.split(' '),
  'from to'.split(' '),
  'i j first arg key last index shift ahead'.split(' '),
  'charge last other'.split(' '),
  'allowed written writes is_late'.split(' '),
];

function othersOf(tokens, i, scope) {
  const { kind, text } = tokens[i];
  const before = tokens[i - 1];
  if (kind === 'number') {
    // The last digit is one less, and one more. Of whole numbers beyond 2^53 the next is the same double.
    const value = BigInt(text.replace('.', ''));
    const decimals = text.includes('.') ? text.length - 1 - text.indexOf('.') : 0;
    return [value - 1n, value + 1n]
      .filter((next) => next >= 0n && Number(next) !== Number(value))
      .map((next) => String(next).padStart(decimals + 1, '0'))
      .map((digits) => (decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`));
  }
  if (text === '-' && isUnary(before)) return [''];
  if (kind === 'symbol' || kind === 'keyword') return OTHERS[text] ?? [];
  if (kind !== 'name') return [];
  if (before?.text === '.') return FIELDS[text] ?? [];
  // A name that is declared, or that is a member's, stays.
  if (isDeclared(tokens, i) || (tokens[i + 1]?.text === '=' && '{,'.includes(before?.text))) return [];
  const kin = KINDS.find((names) => names.includes(text)) ?? [];
  return kin.filter((name) => name !== text && scope.has(name));
}

const isUnary = (before) =>
  before === undefined || before.kind === 'keyword' || (before.kind === 'symbol' && !')]}'.includes(before.text));

function isDeclared(tokens, i) {
  let at = i - 1;
  while (tokens[at]?.text === ',' && tokens[at - 1]?.kind === 'name') at -= 2;
  if (tokens[at]?.text === 'local' || tokens[at]?.text === 'for') return true;
  return tokens[at]?.text === '(' && (tokens[at - 1]?.text === 'function' || tokens[at - 2]?.text === 'function');
}

/** Every mutant of a file: one token is another. `place` names it: the line, and which of these tokens in it. */
export function mutantsOf(file, text) {
  const tokens = tokensOf(text);
  const scopes = scopesOf(text, tokens);
  const seen = new Map();
  return tokens.flatMap(({ text: was, start }, i) =>
    othersOf(tokens, i, scopes[i]).map((becomes) => {
      const from = text.lastIndexOf('\n', start - 1) + 1;
      const line = text.slice(from, text.indexOf('\n', start)).replace(/--.*/, '').trim();
      const nth = tokens.filter((token) => token.text === was && token.start >= from && token.start < start).length + 1;
      const change = `${was}${nth > 1 ? ` (${nth})` : ''} -> ${becomes === '' ? 'nothing' : becomes}`;
      const place = `${file}: ${line} | ${change}`;
      const times = (seen.get(place) ?? 0) + 1;
      seen.set(place, times);
      return {
        file,
        place: times > 1 ? `${place} | in the ${times}. line of this text` : place,
        text: text.slice(0, start) + becomes + text.slice(start + was.length),
      };
    }),
  );
}
