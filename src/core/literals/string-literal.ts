/**
 * True for the type of a string that is written in the code, such as `'5/min'` or a union of these. False for `string`, and
 * for a template with a part that is not written, such as the type of `${count}/min`.
 */
export type IsLiteral<Text extends string> = [Record<never, never>] extends [Record<Text, unknown>] ? false : true;

/** What `\s` matches. */
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

/** A literal without the spaces around it. */
export type Trim<Text extends string> = TrimStart<TrimEnd<Text>>;

/** A literal without the spaces in front. */
export type TrimStart<Text extends string> = Text extends `${infer First}${infer Rest}`
  ? First extends Space
    ? TrimStart<Rest>
    : Text
  : Text;

/** A literal without the spaces at its end. */
export type TrimEnd<Text extends string> = Text extends `${infer Rest}${Space}` ? TrimEnd<Rest> : Text;

/** True if a literal has no other characters than these. */
export type ConsistsOf<Text extends string, Character extends string> = Text extends `${infer First}${infer Rest}`
  ? First extends Character
    ? ConsistsOf<Rest, Character>
    : false
  : true;
