import type { HttpRequest } from '../call.js';
import { remoteAddress } from './trust-proxy.js';

/**
 * Returns a request of Node in the form of the HTTP framework, so that its `ip` follows the application's trust-proxy
 * setting. Frameworks do not handle upgrades, and Fastify's middleware gets Node's request. Without a known framework,
 * `ip` is the address of the socket.
 *
 * @param app an Express application or a Fastify instance
 */
export function asFrameworkRequest(request: HttpRequest, app: unknown): HttpRequest {
  const { headers, socket } = request;
  const prototype = requestPrototype(app);
  if (prototype === undefined) return { headers, ip: remoteAddress(socket), socket };
  const members = { headers, socket, connection: socket, raw: request };
  return Object.create(
    prototype,
    Object.fromEntries(Object.entries(members).map(([name, value]) => [name, { value, enumerable: true }])),
  );
}

/** Returns the prototype of the framework's requests. */
function requestPrototype(app: unknown): object | undefined {
  if (typeof app === 'function' && 'request' in app) return isObject(app.request) ? app.request : undefined;
  if (!isObject(app)) return undefined;
  const symbol = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.Request');
  const type: unknown = symbol && Reflect.get(app, symbol);
  return typeof type === 'function' && isObject(type.prototype) ? type.prototype : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
