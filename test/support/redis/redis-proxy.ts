import net from 'node:net';

type Direction = 'requests' | 'replies';

/** A proxy to a server that can lose or delay replies. Handshakes always pass. */
export class RedisProxy {
  /** Decides what happens to each forwarded script run, counted from 1. */
  fate: (run: number) => 'pass' | 'cut' = () => 'pass';
  #held: Direction | undefined;
  #waiting: (() => void)[] = [];
  #runs = 0;
  #cuts = 0;
  readonly #sockets = new Set<net.Socket>();

  private constructor(
    private readonly server: net.Server,
    private readonly target: number,
  ) {
    server.on('connection', (client) => this.#connect(client));
  }

  static async start(target: { readonly port: number }): Promise<RedisProxy> {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new RedisProxy(server, target.port);
  }

  get address(): { readonly host: string; readonly port: number } {
    const address = this.server.address();
    return { host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 };
  }

  /** The number of connections that were cut after a request was executed, before its reply was forwarded. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Delays all data in one direction from now on. */
  hold(direction: Direction): void {
    this.#held = direction;
  }

  /** Forwards the delayed data, in order, and all later data. */
  release(): void {
    this.#held = undefined;
    for (const pass of this.#waiting.splice(0)) pass();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #connect(client: net.Socket): void {
    const server = net.connect(this.target, '127.0.0.1');
    let isDoomed = false;
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk) => {
      for (const _ of chunk.toString('latin1').matchAll(/\$\d+\r\neval(?:sha)?\r\n/g)) {
        this.#runs += 1;
        isDoomed ||= this.fate(this.#runs) === 'cut';
      }
      this.#pass('requests', server, chunk);
    });
    server.on('data', (chunk) => {
      if (isDoomed) {
        if (!client.destroyed) this.#cuts += 1;
        client.destroy();
      } else {
        this.#pass('replies', client, chunk);
      }
    });
  }

  #pass(direction: Direction, socket: net.Socket, chunk: Buffer): void {
    if (direction === this.#held) this.#waiting.push(() => socket.writable && socket.write(chunk));
    else socket.write(chunk);
  }
}
