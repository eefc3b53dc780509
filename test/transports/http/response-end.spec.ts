import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect as openSocket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { onResponseEnd } from '../../../src/transports/http/response-end.js';
import type { ResponseEnd } from '../../../src/transports/responder.js';
import { until } from '../../support/wait-until.js';

/** The members of a response of HTTP/1 or HTTP/2 that the tests use. */
interface AnyResponse {
  statusCode: number;
  write(chunk: string): boolean;
  end(chunk: string): unknown;
}

type Answer = (response: AnyResponse) => void;

const complete: Answer = (response) => {
  response.statusCode = 201;
  response.end('done');
};
const begin: Answer = (response) => {
  response.statusCode = 203;
  response.write('a part');
};

/** Ended by the handler, and more than a socket takes at once. */
const long: Answer = (response) => {
  response.statusCode = 203;
  response.end('x'.repeat(64_000_000));
};

describe('the end of a response over HTTP/1', () => {
  /** @param leave whether the client leaves once the response has begun, or, if it does not begin, once it has been asked for */
  async function endOf(answer: Answer, leave: boolean): Promise<ResponseEnd> {
    const ends: ResponseEnd[] = [];
    const server = createServer((_, response) => {
      onResponseEnd(response, (end) => ends.push(end));
      answer(response);
      if (leave && !response.headersSent) client.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const client = request({ host: '127.0.0.1', port, agent: false });
    client.on('error', () => {});
    client.on('response', (response) => (leave ? client.destroy() : response.resume()));
    client.end();
    try {
      await until(() => ends.length > 0);
      expect(ends).toHaveLength(1);
      return ends[0] as ResponseEnd;
    } finally {
      server.close();
    }
  }

  it.each<[string, Answer, boolean, ResponseEnd]>([
    ['that is complete has its status', complete, false, { status: 201, isComplete: true }],
    ['whose client leaves while it is sent is not complete', begin, true, { status: 203, isComplete: false }],
    ['whose client leaves before all of it is sent is not complete', long, true, { status: 203, isComplete: false }],
    ['whose client leaves before it begins has no status', () => {}, true, { status: undefined, isComplete: false }],
  ])('%s', async (_, answer, leave, expected) => {
    expect(await endOf(answer, leave)).toEqual(expected);
  });
});

describe('the end of a response that waits for an earlier one of its connection', () => {
  /** @param leave whether the client leaves while both wait; if not, the first one is answered */
  async function endsOf(leave: boolean, count: number): Promise<readonly ResponseEnd[]> {
    const ends: ResponseEnd[] = [];
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    const first: AnyResponse[] = [];
    const server = createServer(({ url }, response) => {
      if (url === '/first') {
        first.push(response);
        return;
      }
      onResponseEnd(response, (end) => ends.push(end));
      complete(response);
      if (url !== '/last') return;
      if (leave) client.destroy();
      else first[0]?.end('done');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = openSocket((server.address() as AddressInfo).port, '127.0.0.1');
    const paths = ['/first', ...new Array<string>(count - 1).fill('/next'), '/last'];
    client.resume().write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    try {
      await until(() => ends.length >= count);
      client.destroy();
      await once(server.close(), 'close');
      expect(warnings).toEqual([]);
      return ends;
    } finally {
      process.off('warning', warned);
    }
  }

  it('is known when its client leaves: it was not sent, and each listener is called once', async () => {
    expect(await endsOf(true, 12)).toEqual(new Array(12).fill({ status: 201, isComplete: false }));
  });

  it('is known when it has been sent in its turn', async () => {
    expect(await endsOf(false, 12)).toEqual(new Array(12).fill({ status: 201, isComplete: true }));
  });
});

describe('the end of a response over HTTP/2', () => {
  it.each<[string, Answer, ResponseEnd]>([
    ['that is complete has its status', complete, { status: 201, isComplete: true }],
    ['whose stream is reset is not complete', begin, { status: 203, isComplete: false }],
  ])('%s', async (_, answer, expected) => {
    const ends: ResponseEnd[] = [];
    const server = createHttp2Server((_request, response) => {
      onResponseEnd(response, (end) => ends.push(end));
      answer(response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => {});
    stream.on('response', () => (answer === begin ? stream.close() : stream.resume()));
    try {
      await until(() => ends.length > 0);
      expect(ends).toEqual([expected]);
    } finally {
      session.destroy();
      server.close();
    }
  });
});

describe('the end of a response under inject() of Fastify', () => {
  it('is complete', async () => {
    // Jest cannot load the package that injects requests.
    const code = `
      import fastify from 'fastify';
      import { onResponseEnd } from './src/transports/http/response-end.ts';
      const app = fastify();
      app.get('/', (request, reply) => {
        onResponseEnd(reply, (end) => console.log(JSON.stringify(end)));
        reply.code(202).send('done');
      });
      await app.inject('/');
      await app.close();
    `;
    const loader = new URL('../../support/typescript.mjs', import.meta.url).href;
    const cwd = fileURLToPath(new URL('../../../', import.meta.url));
    const args = ['--import', loader, '--input-type=module', '--eval', code];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
    expect(JSON.parse(stdout)).toEqual({ status: 202, isComplete: true });
  });
});

describe('a listener for the end of a response', () => {
  it('is called at once if the response has closed, and not after it is removed', async () => {
    const told: string[] = [];
    let isClosed = false;
    const server = createServer((_, response) => {
      onResponseEnd(response, () => told.push('removed'))();
      response.once('close', () => {
        onResponseEnd(response, ({ status, isComplete }) => told.push(`late: ${status} ${isComplete}`));
        isClosed = true;
      });
      response.end('done');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = request({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false });
    client.on('response', (response) => response.resume()).end();
    await until(() => isClosed);
    server.close();
    expect(told).toEqual(['late: 200 true']);
  });
});
