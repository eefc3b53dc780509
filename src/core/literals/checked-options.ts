import type { ValueOption } from '../value-options.js';
import type { IsLiteral } from './string-literal.js';

/**
 * The type of a parameter that takes options. Members that are given have the type in `Members`, without `undefined`
 * for value options (`ValueOption`). The other members come from `Options`, so that the compiler and editors know all
 * of them.
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

/** `unknown` if no options remain: a type without members would accept any value. */
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
 * The type of a value that is checked if it is a literal in the code: then `Check`, otherwise its own type.
 *
 * `IsWritten` is false for any type whose parts are not known. So in a generic function the compiler skips `Check` and
 * accepts a value whose type is a type parameter. All conditions on such values have this form.
 */
export type Checked<Given, Check> = [IsWritten<Given>] extends [true] ? Check : Given;

/** False for strings whose value is not known at compile time, and for `any`. */
export type IsWritten<Given> = [Given] extends [string] ? IsLiteral<Given> : true;

/**
 * True for a value option (`ValueOption`) whose value may be `undefined`. False where that is unknown: for a member
 * that may be absent, as in a variable of the options' type; for a union of all values of the option and `undefined`,
 * which the compiler infers for a generic function such as `config.get('burst', 5)`; and without `strictNullChecks`.
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

/** Any value except `undefined`; without `strictNullChecks` also `undefined`. */
type Defined = NonNullable<unknown> | null;

/** True for a member that may be absent. */
export type IsOptional<Given, Member extends keyof Given> =
  Record<never, never> extends Pick<Given, Member> ? true : false;
