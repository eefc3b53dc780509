import type { HttpRequest } from './call.js';

type Warn = (message: string) => void;

const STRANGER = '203.0.113.1';
/** More hops than any chain of proxies has. */
const CHAIN = new Array<string>(100).fill('198.51.100.1').join(', ');

/** Watches for what makes limits by address worthless, and warns of it once. */
export class ProxyWatch {
  #done = false;

  constructor(private readonly warn: Warn) {}

  look(request: HttpRequest): void {
    if (this.#done) return;
    if (trustsEveryone(request)) {
      this.#warn(
        'The proxy setting trusts everyone: clients pick their own address with X-Forwarded-For and escape limits by address. Set the number of your proxies, or their addresses.',
      );
    } else if (!trustsNobody(request)) {
      this.#done = true;
    } else if (request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined) {
      this.#warn(
        'A forwarding header arrived while no proxy is trusted, and was ignored: behind a proxy all clients share its address. Set the number of your proxies: app.set("trust proxy", 1) on Express, new FastifyAdapter({ trustProxy: 1 }) on Fastify.',
      );
    }
  }

  #warn(message: string): void {
    this.#done = true;
    this.warn(message);
  }
}

function trustsNobody(request: HttpRequest): boolean {
  const { app } = request;
  if (typeof app === 'function' && 'get' in app && typeof app.get === 'function') return !app.get('trust proxy');
  // Fastify's requests have `ips` only where proxies are trusted.
  return request.ips === undefined;
}

/** Asks the framework for the address of a stranger behind a long chain: the far end of it shows that anybody is believed. */
function trustsEveryone(request: HttpRequest): boolean {
  const socket = { remoteAddress: STRANGER };
  const raw = { headers: { 'x-forwarded-for': CHAIN }, socket, connection: socket };
  try {
    return Reflect.get(request, 'ip', { ...raw, raw, app: request.app }) === '198.51.100.1';
  } catch {
    return false;
  }
}
