import type { Class } from '../../planning/class-members.js';
import type { Address } from '../../planning/handler-identity.js';
import { eventOf, messageTransportOf, namespaceOf, patternsOf, serverOf } from './nest-metadata.js';

/**
 * Returns the address at which clients connect to a gateway: `ws :0 /chat`, with port (0: that of the application),
 * path and namespace.
 */
export function serverAddress(gateway: Class): Address {
  const { port, options } = serverOf(gateway);
  const path: unknown = Reflect.get(options, 'path') ?? '';
  return { text: `ws :${port}${path} ${namespaceOf(options)}`, runsAll: true };
}

/** Returns the address of a gateway's handler: the address of its server, and the event. */
export function eventAddress(gateway: Class, method: string): Address {
  return { text: `${serverAddress(gateway).text} ${patternText(eventOf(gateway, method))}`, runsAll: true };
}

/** Returns the addresses of a microservice's handler: `rpc 2 orders.created`, with transport (if any) and pattern. */
export function messageAddresses(controller: Class, method: string): readonly Address[] {
  const transport = messageTransportOf(controller, method);
  const only = transport === undefined ? '' : ` ${String(transport)}`;
  return patternsOf(controller, method).map((pattern) => ({
    text: `rpc${only} ${patternText(pattern)}`,
    runsAll: true,
  }));
}

/** Returns a pattern as a string. The order of an object's members does not matter. */
function patternText(pattern: unknown): string {
  if (typeof pattern === 'string') return pattern;
  return JSON.stringify(pattern, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
