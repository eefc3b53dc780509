import type { IncomingHttpHeaders } from 'node:http';
import { type Item, parseList } from 'structured-headers';
import type { Answer } from './http-app.js';

/** A policy's item in a RateLimit field: its name and its raw parameters. */
export type FieldItem = readonly [name: string, parameters: Readonly<Record<string, number>>];

/** Parses `RateLimit-Policy` and `RateLimit` with a parser of structured fields, which throws for invalid fields. */
export function rateLimitFields({ headers }: Answer): { readonly policies: FieldItem[]; readonly states: FieldItem[] } {
  return { policies: itemsOf(headers['ratelimit-policy']), states: itemsOf(headers.ratelimit) };
}

function itemsOf(field: string | string[] | undefined): FieldItem[] {
  if (typeof field !== 'string') throw new Error(`Expected one field, got ${field}`);
  return parseList(field).map((member): FieldItem => {
    const [name, parameters] = member as Item; // an inner list has no text as its value
    if (typeof name !== 'string') throw new Error(`Expected a text, got ${name}`);
    return [name, Object.fromEntries([...parameters].map(([key, value]) => [key, Number(value)]))];
  });
}

/** Returns the headers of a response that a limit writes, or may remove. */
export function limitHeaders({ headers }: Answer): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(withoutPartitionKeys(headers)).filter(([name]) =>
      /^(x-)?ratelimit|^retry-after$|^cache-control$/.test(name),
    ),
  );
}

/** Returns headers without the parameter `pk` of policies. */
export function withoutPartitionKeys(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { 'ratelimit-policy': policies, ...others } = headers;
  return policies === undefined
    ? headers
    : { ...others, 'ratelimit-policy': String(policies).replace(/;pk=:[^:]*:/g, '') };
}

/** Returns the partition keys of policies, by their names. */
export function partitionKeysIn({ 'ratelimit-policy': policies = '' }: IncomingHttpHeaders): Record<string, string> {
  const found = String(policies).matchAll(/"([\w.-]+)"[^,]*;pk=(:[^:]*:)/g);
  return Object.fromEntries([...found].map(([, policy, key]) => [policy, key]));
}
