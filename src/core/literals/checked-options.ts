import type { ValueOption } from '../value-options.js';
import type { IsLiteral } from './string-literal.js';

/**
 * The type of a parameter that takes options: each member that is given is as in `Members`, except that those that may not
 * be `undefined` are not. The other members are those of `Options`, so the compiler and editors know them all.
 *
 * @typeParam Given the inferred type of the argument
 * @typeParam Members the type of each member that is given: its own if it is accepted
 */
export type CheckedOptions<Given, Options, Members extends Record<keyof Given, unknown>> = GivenOptions<
  Given,
  Options,
  Members
> &
  OtherOptions<Exclude<keyof Options, keyof Given>, Options>;

/** Of no options it is `unknown`: a type without members would accept any value. */
type OtherOptions<Names extends keyof Options, Options> = [Names] extends [never]
  ? unknown
  : { readonly [Name in Names]?: Options[Name] };

type GivenOptions<Given, Options, Members extends Record<keyof Given, unknown>> = {
  readonly [Member in keyof Given as Member extends keyof Options ? Member : never]: Member extends keyof Options
    ? [IsMissing<Given[Member], Member, Options[Member], IsOptional<Given, Member>>] extends [true]
      ? Exclude<Options[Member], undefined>
      : Members[Member]
    : never;
};

/**
 * The type of a value that is checked if it is written in the code: what `Check` makes of it, else its own.
 *
 * `IsWritten` is false for any type whose parts are not known, so in a generic function the compiler skips `Check`, and a
 * value of the type of a parameter is accepted. All conditions that such a value meets have this form.
 */
export type Checked<Given, Check> = [IsWritten<Given>] extends [true] ? Check : Given;

/** False for strings whose text is not known, and for `any`. */
export type IsWritten<Given> = [Given] extends [string] ? IsLiteral<Given> : true;

/**
 * True for an option that may not be `undefined` and may be it. False where that cannot be told: for a member that may be
 * absent, as those of a variable of the type of the options; for all values of an option and `undefined`, which is what the
 * compiler infers for a generic function such as `get('burst', 5)` of a configuration; and without `strictNullChecks`.
 */
type IsMissing<Value, Name, All, IsAbsent> = Name extends ValueOption
  ? [Value] extends [Defined]
    ? false
    : [All | undefined] extends [Value]
      ? false
      : [IsAbsent] extends [true]
        ? false
        : true
  : false;

/** All but `undefined`; that, too, without `strictNullChecks`. */
type Defined = NonNullable<unknown> | null;

/** True for a member that may be absent. */
export type IsOptional<Given, Member extends keyof Given> =
  Record<never, never> extends Pick<Given, Member> ? true : false;
