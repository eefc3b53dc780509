import type { ValueOption } from '../value-options.js';

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
    ? IsMissing<Given, Member> extends true
      ? Exclude<Options[Member], undefined>
      : Members[Member]
    : never;
};

/**
 * The type of a parameter that takes what `Check` accepts of the type that is inferred for it. The compiler infers `Given`
 * through the first branch, which is never taken.
 */
export type Checked<Given, Check> = [Given] extends [never] ? Given : Check;

/**
 * True for an option that may not be `undefined` and may be it. False for a member that may be absent, as those of a
 * variable of the type of the options, and without `strictNullChecks`.
 */
type IsMissing<Given, Member extends keyof Given> = Member extends ValueOption
  ? undefined extends Given[Member]
    ? AreNullsChecked extends true
      ? IsOptional<Given, Member> extends true
        ? false
        : true
      : false
    : false
  : false;

/** True for a member that may be absent. */
export type IsOptional<Given, Member extends keyof Given> =
  Record<never, never> extends Pick<Given, Member> ? true : false;

type AreNullsChecked = undefined extends string ? false : true;
