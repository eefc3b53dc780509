/** The names that lead to a nested member: `['user', 'id']`. */
export type MemberPath = readonly string[];

/** Returns the member at a path, or undefined if the value or any member of the path is missing. */
export function memberAt(from: unknown, path: MemberPath): unknown {
  let value = from;
  for (const member of path) {
    if (value === null || value === undefined) return undefined;
    value = Reflect.get(Object(value), member);
  }
  return value;
}
