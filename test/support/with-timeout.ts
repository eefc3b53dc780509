import { CEILING_MS } from './wait-until.js';

/** Resolves with the promise's value. Rejects after {@link CEILING_MS} with a description of what was awaited. */
export async function within<T>(promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${CEILING_MS} ms in vain for ${what()}`)), CEILING_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
