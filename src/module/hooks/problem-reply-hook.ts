import type { HttpServer } from '@nestjs/common';
import { problemTypeOf } from '../../transports/http/problem-body.js';

/** The responses that Fastify's adapter sends: Node's, of a call in middleware, and replies. */
interface NodeResponse {
  writeHead(status: number, headers?: object): unknown;
}
interface Reply {
  header(name: string, value: string): unknown;
}

/**
 * Makes Fastify's adapter send problem details under their content type for calls that were denied by Node's request. A hook's
 * denial is sent by a reply that the call does not know. A middleware's is sent by a reply that the adapter makes, which has
 * headers of its own and overwrites those of Node's response.
 */
export function sendProblemsOfNodeRequests(adapter: HttpServer | undefined): void {
  if (adapter?.getType() !== 'fastify') return;
  const reply = adapter.reply.bind(adapter);
  adapter.reply = (response: NodeResponse | Reply, body: unknown, status?: number) => {
    const type = problemTypeOf(body);
    if (type !== undefined) setContentType(response, type);
    return reply(response, body, status);
  };
}

function setContentType(response: NodeResponse | Reply, type: string): void {
  if ('header' in response) {
    response.header('content-type', type);
    return;
  }
  const writeHead = response.writeHead.bind(response);
  response.writeHead = (status, headers) => writeHead(status, { ...headers, 'content-type': type });
}
