import { describe, expect, it } from '@jest/globals';
import type { CallContext } from '../../src/index.js';
import { parseArguments } from '../../src/service/service-arguments.js';
import { bootError } from '../support/application.js';

const SCOPE = 'expected "scope", a string that separates budgets, got';
const EXTRAS = 'expected "extras", an object with members for the message of a socket, got';

const misspelt: readonly (readonly [context: CallContext, problem: string])[] = [
  [{ scop: 'eu' }, `${SCOPE} "scop". Did you mean "scope"? Without it, budgets are not separated.`],
  ...['Scope', 'scopes', 'socpe', 'scppe'].map(
    (name) =>
      [{ [name]: 'eu' }, `${SCOPE} "${name}". Did you mean "scope"? Without it, budgets are not separated.`] as const,
  ),
  [
    { extra: { room: 'a' } },
    `${EXTRAS} "extra". Did you mean "extras"? Without it, the message of a socket has no further members.`,
  ],
];

/** Members of the application: their names are further away, their values do not fit, or the member itself is given. */
const others: readonly CallContext[] = [
  { scope: 'eu', scopes: 'read write', extras: {}, extra: {} },
  { score: 5, shop: 'a', store: 'b', scoped: true, scopes: ['read'], extra: true, extract: {}, '': 'c', s: 'd' },
];

describe('a misspelt member of `context`', () => {
  it.each(misspelt)('stops startup: %j', async (context, problem) => {
    const options = { policies: { mail: { rate: '5/min', context } } };
    expect(await bootError(() => ({ options }))).toBe(`policies.mail.context: ${problem}`);
  });

  it.each(misspelt)('is refused in a call by hand: %j', (context, problem) => {
    expect(() => parseArguments('hit', ['mail', 1, { context }])).toThrow(`hit({ context }): ${problem}`);
  });

  it.each(others)('is not one that belongs to the application: %j', async (context) => {
    const options = { policies: { mail: { rate: '5/min', context } } };
    expect(await bootError(() => ({ options }))).toBeNull();
    expect(parseArguments('hit', ['mail', 1, { context }])).toMatchObject({ context });
  });
});
