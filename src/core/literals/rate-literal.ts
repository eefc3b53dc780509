import type { Checked } from './checked-options.js';
import type { ConsistsOf, IsLiteral, Trim, TrimEnd, TrimStart } from './string-literal.js';

/**
 * The type of a rate for `parseRate`. A literal is checked; any other string is accepted. For a literal that is not a
 * rate, the type is a few similar rates, which the compiler's message shows.
 *
 * @example
 * CheckedRate<'5/min'>        // '5/min'
 * CheckedRate<string>         // string
 * CheckedRate<'5/fortnight'>  // '5/s' | '5/min' | '5/hour' | '5/day'
 */
export type CheckedRate<Text> = Checked<Text, RateOrSimilar<Text>>;

type RateOrSimilar<Text> = Text extends string
  ? IsLiteral<Text> extends true
    ? IsRate<Text> extends true
      ? Text
      : SimilarRate<Text>
    : Text
  : Text;

/** True for a literal that is meant as a rate: `looksLikeRate` at compile time. */
export type LooksLikeRate<Text extends string> =
  TrimStart<Text> extends `${Digit}${string}` ? true : Trim<Lowercase<Text>> extends 'unlimited' ? true : false;

/** Suggestions for a literal that is not a rate, with its count if it has one. */
type SimilarRate<Text extends string> = `${CountOf<TrimStart<Text>>}/${'s' | 'min' | 'hour' | 'day'}`;

type CountOf<Text extends string> = IsPositive<Text> extends true ? LeadingDigits<Text> : '1';

/** True for a literal that `parseRate` accepts. Numbers above 2^53 - 1 are reported only at run time. */
type IsRate<Text extends string> = Trim<Lowercase<Text>> extends 'unlimited' ? true : AreRates<Lowercase<Text>>;

type AreRates<Text extends string> = Text extends `${infer First};${infer Rest}`
  ? IsOneRate<Trim<First>> extends true
    ? AreRates<Rest>
    : false
  : IsOneRate<Trim<Text>>;

type IsOneRate<Text extends string> = Text extends `${infer Count}/${infer Period}`
  ? And<IsCount<TrimEnd<Count>>, IsPeriod<TrimStart<Period>>>
  : Text extends `${infer Count}per${infer Period}`
    ? And<IsCountBeforeSpace<Count>, IsPeriodAfterSpace<Period>>
    : false;

type And<First extends boolean, Second extends boolean> = First extends true ? Second : false;

/** There must be spaces around "per". */
type IsCountBeforeSpace<Text extends string> = Text extends TrimEnd<Text> ? false : IsCount<TrimEnd<Text>>;
type IsPeriodAfterSpace<Text extends string> = Text extends TrimStart<Text> ? false : IsPeriod<TrimStart<Text>>;

type IsCount<Text extends string> = ConsistsOf<Text, Digit> extends true ? IsPositive<Text> : false;

/** True for a unit with or without a positive number in front. For a month or a year the number must be 1. */
type IsPeriod<Text extends string> = Text extends Unit | CalendarUnit
  ? true
  : IsPositive<Text> extends true
    ? TrimStart<AfterDigits<Text>> extends Unit
      ? true
      : IsOneOf<Text, CalendarUnit>
    : false;

/** True for the number 1 and a unit. */
type IsOneOf<Text extends string, Units extends string> = Text extends `0${infer Rest}`
  ? IsOneOf<Rest, Units>
  : Text extends `1${infer Rest}`
    ? TrimStart<Rest> extends Units
      ? true
      : false
    : false;

/** True if a literal begins with digits that form a number of at least 1. */
type IsPositive<Text extends string> = Text extends `0${infer Rest}`
  ? IsPositive<Rest>
  : Text extends `${Digit}${string}`
    ? true
    : false;

type AfterDigits<Text extends string> = Text extends `${Digit}${infer Rest}` ? AfterDigits<Rest> : Text;

type LeadingDigits<Text extends string, Digits extends string = ''> = Text extends `${infer First}${infer Rest}`
  ? First extends Digit
    ? LeadingDigits<Rest, `${Digits}${First}`>
    : Digits
  : Digits;

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';

/** The units of `parseRate`, in lower case. */
type Unit = 'ms' | Second | Minute | 'h' | `hr${S}` | `hour${S}` | 'd' | `day${S}` | 'w' | `week${S}`;
type CalendarUnit = `month${S}` | `year${S}`;
type Second = 's' | `sec${S}` | `second${S}`;
type Minute = 'm' | `min${S}` | `minute${S}`;
type S = '' | 's';
