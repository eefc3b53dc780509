import type { HttpServer } from '@nestjs/common';
import { problemTypeOf } from '../../transports/http/problem-body.js';

/** The responses that Fastify's adapter sends: Node's for a call in middleware, and replies. */
interface NodeResponse {
  writeHead(status: number, headers?: object): unknown;
}
interface Reply {
  header(name: string, value: string): unknown;
}

/**
 * Makes Fastify's adapter send problem details with their content type for calls that were denied using Node's request.
 * The denial of a hook is sent by a reply that the call does not know. The denial of a middleware is sent by a reply
 * that the adapter creates, whose headers overwrite those of Node's response.
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
