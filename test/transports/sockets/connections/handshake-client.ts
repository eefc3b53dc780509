import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { Type } from '@nestjs/common';
import {
  type Backend,
  type Charge,
  ManualClock,
  MemoryBackend,
  type Outcome,
  type RateLimitPayload,
  type Receipt,
  type Target,
} from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { EngineSocket } from '../../../support/engine-client.js';
import {
  type ConnectOptions,
  Refused,
  type SocketOptions,
  startSockets,
  type TestSockets,
  type Transport,
} from '../../../support/gateway-app.js';
import { START } from '../../../support/start-time.js';

/**
 * How a connection is refused; an open one is an error. On socket.io the client speaks by hand: the library's own tells nothing of
 * the response to a session that is refused, which is here `data`, too. A session that is admitted joins the namespace.
 */
export async function refusal(sockets: TestSockets, options: ConnectOptions = {}): Promise<Refused> {
  try {
    if (sockets.transport === 'ws') await sockets.connect(options);
    else await join(sockets, options);
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
  throw new Error('Expected the connection to be refused');
}

async function join({ port, http }: TestSockets, { headers = {}, transports, namespace = '/', auth }: ConnectOptions) {
  if (transports?.[0] === 'polling') {
    const { status, text, ...answer } = await http.send('/socket.io/?EIO=4&transport=polling', { headers });
    throw sessionRefusal(status, answer.headers, text);
  }
  const session = await EngineSocket.open(port, headers).catch((error: unknown) => {
    throw error instanceof Refused ? sessionRefusal(error.status, error.headers, error.body) : error;
  });
  try {
    const { packet, data } = await session.join(namespace, auth);
    if (packet.startsWith('44')) throw new Refused(textOf(data), { data: Reflect.get(Object(data), 'data') });
  } finally {
    await session.drop();
  }
}

function sessionRefusal(status: number | null, headers: IncomingHttpHeaders, body: string): Refused {
  const data = body.startsWith('{') ? JSON.parse(body) : undefined;
  return new Refused(textOf(data), { status, headers, body, data });
}

function textOf(data: unknown): string {
  return String(Reflect.get(Object(data), 'error') ?? Reflect.get(Object(data), 'message'));
}

/**
 * Returns the results of a number of connection attempts, one after another. Throws if one is refused for anything but
 * a limit.
 */
export async function attempts(
  sockets: TestSockets,
  count: number,
  options: ConnectOptions = {},
): Promise<('open' | 'limited')[]> {
  const ends: ('open' | 'limited')[] = [];
  for (let i = 0; i < count; i++) {
    try {
      await sockets.connect(options);
      ends.push('open');
    } catch (error) {
      if (!isLimited(error)) throw error;
      ends.push('limited');
    }
  }
  return ends;
}

function isLimited(error: unknown): boolean {
  return error instanceof Refused && (error.status === 429 || isDenial(error.data));
}

/** The payload of a limit, and not of a backend that fails. */
function isDenial(data: unknown): boolean {
  return typeof data === 'object' && data !== null && typeof Reflect.get(data, 'policy') === 'string';
}

/** The gateways given and no other: the one of the harness would bring the module's limit of connections to its server. */
export async function startOnly({
  gateways,
  providers = [],
  ...options
}: Omit<SocketOptions, 'gateways'> & { readonly gateways: readonly Type[] }): Promise<TestSockets> {
  return startSockets({ ...options, gateways: [], providers: [...providers, ...gateways] });
}

/** A place of its own: another path on ws, a namespace on socket.io; for gateways and clients alike. */
export function aside(transport: Transport, name = '/aside'): { readonly path?: string; readonly namespace?: string } {
  return transport === 'ws' ? { path: name } : { namespace: name };
}

/** A client behind a proxy. */
export function from(...chain: readonly string[]): { readonly headers: Record<string, string> } {
  return { headers: { 'x-forwarded-for': chain.join(', ') } };
}

/** A limit whose first refusal lasts to the next minute. */
export function perMinute(limit: number): { readonly rate: string; readonly strategy: 'fixed-window' } {
  return { rate: `${limit}/min`, strategy: 'fixed-window' };
}

/** The default payload for a refused client of socket.io. */
export function tooMany(more: Partial<RateLimitPayload> = {}): RateLimitPayload {
  return limited({ error: 'Too many connections', policy: 'connections', limit: 1, ...more });
}

/** A backend that decides at once. Its responses wait until a test releases them, or fail. */
export class SlowBackend implements Backend {
  readonly clock: ManualClock;
  /** Whether responses wait for `release`. */
  isSlow = false;
  /** The error of all responses. */
  failure: Error | undefined;
  readonly #memory: MemoryBackend;
  /** Calls so far. */
  asked = 0;
  #waiting: (() => void)[] = [];

  constructor(
    readonly remote: boolean,
    clock = new ManualClock(START),
  ) {
    this.clock = clock;
    this.#memory = new MemoryBackend({ clock });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  async spend(charges: readonly Charge[]): Promise<Outcome> {
    this.asked += 1;
    if (this.failure !== undefined) {
      await setImmediate();
      throw this.failure;
    }
    const outcome = this.#memory.spend(charges);
    if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else await setImmediate();
    return outcome;
  }

  async peek(charges: readonly Charge[]): Promise<Outcome> {
    if (this.failure !== undefined) throw this.failure;
    return this.#memory.peek(charges);
  }

  async settle(receipt: Receipt, costs: readonly number[]): Promise<void> {
    this.#memory.settle(receipt, costs);
  }

  async reset(targets: readonly Target[]): Promise<void> {
    this.#memory.reset(targets);
  }

  /** Lets go of the answers that wait, in order. */
  release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  async close(): Promise<void> {
    await this.#memory.close();
  }
}
