import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { within } from '../support/with-timeout.js';

const main = fileURLToPath(new URL('../../sample-app/dist/main.js', import.meta.url));

/** The sample application as `npm start` runs it, with its state in its own memory. */
export class Sample {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
  ) {}

  /** @param port that it listens on; any that is free, unless told */
  static async start(transport: 'ws' | 'io', port = 0): Promise<Sample> {
    const { REDIS_URL: _, ...env } = process.env;
    const child = spawn(process.execPath, [main], {
      env: { ...env, NODE_OPTIONS: '', TRANSPORT: transport, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    const url = new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        const [, found] = printed.match(/http:\/\/localhost:(\d+)\/ in a browser/) ?? [];
        if (found !== undefined) resolve(`http://127.0.0.1:${found}/`);
      });
      child.on('exit', (code) =>
        reject(new Error(`The sample application ended with ${code}; it printed: ${printed}`)),
      );
    });
    try {
      return new Sample(await within(url, () => `the sample application to start; it printed: ${printed}`), child);
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill();
    await within(ended, () => 'the sample application to end');
  }
}
