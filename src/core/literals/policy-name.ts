import type { Checked } from './checked-options.js';
import type { CheckedRate, LooksLikeRate } from './rate-literal.js';
import type { ConsistsOf, IsLiteral } from './string-literal.js';

/**
 * The names of the application's policies. Once you declare names, any other name written in the code is a compile
 * error, and editors complete names. If none is declared, every string is accepted.
 *
 * @example
 * declare module 'nestjs-sluice' {
 *   interface PolicyNames { search: true; upload: true }
 * }
 * @example
 * export const policies = { search: '30/min', upload: '5/min' } as const; // for forRoot({ policies })
 * declare module 'nestjs-sluice' {
 *   interface PolicyNames extends Record<keyof typeof policies, true> {}
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications add the members.
export interface PolicyNames {}

/** The name of a policy: one of those in `PolicyNames`, or any string if none is declared. */
export type PolicyName = AreNamesDeclared extends true ? keyof PolicyNames & string : string;

/** The name of a policy, or `default`, the name of unnamed limits. */
export type LimitName = PolicyName | 'default';

/** True if `PolicyNames` has members. */
export type AreNamesDeclared = [keyof PolicyNames] extends [never] ? false : true;

/**
 * The type of a policy name. A literal is accepted if it is one of `Names`; otherwise the type is `Names`, which the
 * compiler's message and editors show. A string that is not a literal is accepted.
 */
export type CheckedName<Text, Names extends string = PolicyName> = Checked<Text, NameOrKnown<Text, Names>>;

type NameOrKnown<Text, Names extends string> = Text extends string
  ? IsLiteral<Text> extends true
    ? `${Text}` extends Names
      ? Text
      : Names
    : Text
  : Text;

/** The type of a rate or a policy's name. */
export type CheckedRateOrName<Text extends string> = Checked<Text, RateOrName<Text>>;

type RateOrName<Text extends string> = Text extends string
  ? LooksLikeRate<Text> extends true
    ? CheckedRate<Text>
    : AreNamesDeclared extends true
      ? CheckedName<Text>
      : IsName<Lowercase<Text>> extends true
        ? Text
        : CheckedRate<Text>
  : never;

type IsName<Text extends string> = Text extends `${Letter}${infer Rest}`
  ? ConsistsOf<Rest, Letter | '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '_' | '.' | '-'>
  : false;

type Letter =
  | ('a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm')
  | ('n' | 'o' | 'p' | 'q' | 'r' | 's' | 't' | 'u' | 'v' | 'w' | 'x' | 'y' | 'z');
