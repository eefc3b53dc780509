import { scopesOf, tokensOf } from './tokens.mjs';

/** The replacements of each operator and word: a similar one and its opposite. */
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

/** Locals of one kind. Each is replaced by the others that are in scope. */
const KINDS = [
  'now t at newest start current instant drained_ms server_ms until_ms expires_ms'.split(' '),
  'cost total total_cost used deficit wanted room sum left units given most full latest oldest before added'.split(' '),
  'limit burst'.split(' '),
  'span within period_ms idle_ms ahead_ms left_ms'.split(' '),
  'from to'.split(' '),
  'i first arg last_key last index ahead age count gone middle low high'.split(' '),
  'earlier first'.split(' '),
  'allowed writes is_late is_taken is_recorded is_monitored is_denied is_moved is_kept is_full is_amended'.split(' '),
];

function othersOf(tokens, i, scope) {
  const { kind, text } = tokens[i];
  const before = tokens[i - 1];
  if (kind === 'number') {
    // One less and one more in the last digit. Beyond 2^53 the next whole number may be the same double.
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
  // Does not replace a name that is declared here, nor the name of a member.
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

/**
 * Returns every mutant of a file: the file with one token replaced. `place` identifies it: the line, and the position
 * among equal tokens in it. `outer` has the locals of the parts before the file.
 */
export function mutantsOf(file, text, outer) {
  const tokens = tokensOf(text);
  const { scopes } = scopesOf(text, tokens, outer);
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
        place: times > 1 ? `${place} | occurrence ${times} of this line` : place,
        text: text.slice(0, start) + becomes + text.slice(start + was.length),
      };
    }),
  );
}
