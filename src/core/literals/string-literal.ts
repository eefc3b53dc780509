/**
 * True for the type of a string literal such as `'5/min'`, or a union of them. False for `string`, and for a template
 * type with a part that is not a literal, such as the type of `${count}/min`.
 */
export type IsLiteral<Text extends string> = [Record<never, never>] extends [Record<Text, unknown>] ? false : true;

/** The characters that `\s` matches. */
type Space =
  | (
      | '\t'
      | '\n'
      | '\v'
      | '\f'
      | '\r'
      | ' '
      | '\u00a0'
      | '\u1680'
      | '\u2000'
      | '\u2001'
      | '\u2002'
      | '\u2003'
      | '\u2004'
    )
  | ('\u2005' | '\u2006' | '\u2007' | '\u2008' | '\u2009' | '\u200a' | '\u2028' | '\u2029' | '\u202f' | '\u205f')
  | ('\u3000' | '\ufeff');

/** A literal without leading and trailing spaces. */
export type Trim<Text extends string> = TrimStart<TrimEnd<Text>>;

/** A literal without leading spaces. */
export type TrimStart<Text extends string> = Text extends `${infer First}${infer Rest}`
  ? First extends Space
    ? TrimStart<Rest>
    : Text
  : Text;

/** A literal without trailing spaces. */
export type TrimEnd<Text extends string> = Text extends `${infer Rest}${Space}` ? TrimEnd<Rest> : Text;

/** True if a literal consists only of these characters. */
export type ConsistsOf<Text extends string, Character extends string> = Text extends `${infer First}${infer Rest}`
  ? First extends Character
    ? ConsistsOf<Rest, Character>
    : false
  : true;
