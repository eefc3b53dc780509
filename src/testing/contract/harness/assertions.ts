import assert from 'node:assert/strict';
import type { Awaitable } from '../../../core/awaitable.js';

/** Asserts that an object has these members with these values. It may have others. */
export function assertMembers(actual: object | null | undefined, expected: Readonly<Record<string, unknown>>): void {
  assert.ok(actual, `expected an object with ${Object.keys(expected).join(', ')}, got ${actual}`);
  const found = Object.fromEntries(Object.keys(expected).map((member) => [member, Reflect.get(actual, member)]));
  assert.deepEqual(found, expected);
}

/**
 * Asserts that a call throws or rejects with an error of this name. The error may come from another realm.
 *
 * @param said parts of the error's message
 */
export async function assertFails(
  call: () => Awaitable<unknown>,
  name: 'RangeError' | 'ThrottleConfigError' | 'TypeError',
  ...said: readonly string[]
): Promise<void> {
  await assert.rejects(
    async () => await call(),
    (error: Error) => {
      assert.ok(namesOf(error).includes(name), `expected a ${name}, got a ${error.name}: ${error.message}`);
      for (const part of said) assert.ok(error.message.includes(part), `expected \`${part}\` in: ${error.message}`);
      return true;
    },
  );
}

/** Returns the names of an error and of its classes: a subclass may have its own name. */
function namesOf(error: Error): readonly string[] {
  const names = [error.name];
  for (let type = Object.getPrototypeOf(error); type !== null; type = Object.getPrototypeOf(type)) {
    names.push(type.constructor.name, type.name);
  }
  return names;
}
