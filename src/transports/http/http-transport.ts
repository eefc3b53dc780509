import { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { type HttpRequest, isRequest } from '../call.js';
import type { ClientAddress } from '../identity/client-address.js';
import type { OpenedCall, Transport } from '../transport.js';
import { type AddressSource, HttpCall, type HttpStyle } from './http-call.js';
import { isBare, nodeRequestOf, responseOf } from './node-request.js';

/** Requests over HTTP, on Express or Fastify. A call's session is kept on Node's request. */
export class HttpTransport implements Transport {
  readonly type = 'http';
  readonly chargedIn = 'guard';
  readonly unrecognized = 'a context of type "http" without a request';

  /** Finds the addresses of bare requests, which have no `ip`. */
  readonly #bareAddresses: AddressSource;

  /** @param asFramework returns a bare request of Node in the form of the framework */
  constructor(
    private readonly addresses: ClientAddress,
    private readonly style: HttpStyle,
    asFramework: (request: HttpRequest) => HttpRequest,
  ) {
    this.#bareAddresses = {
      of: (request) => addresses.of(asFramework(request)),
      inHeader: (request, header) => addresses.inHeader(asFramework(request), header),
    };
  }

  /** Libraries that call handlers through Nest's `ExternalContextCreator` pass an event in a context of this type. */
  open(context: ExecutionContext): OpenedCall | undefined {
    // Reads by index, because `switchToHttp()` would create an object.
    const request: unknown = context.getArgByIndex(0);
    const response = context.getArgByIndex<object | undefined>(1);
    return isHandled(request, response) ? this.openRequest(request, response, context) : undefined;
  }

  isAt(context: ExecutionContext, address: string): boolean {
    const { method, route, routeOptions } = context.getArgByIndex<RoutedRequest>(0);
    const path = route?.path ?? routeOptions?.url;
    return [method === 'HEAD' ? 'GET' : method, 'ALL'].some((served) => `${address} `.startsWith(`${served} ${path} `));
  }

  openNamed(on: unknown, response?: object): OpenedCall | undefined {
    return isRequest(on) ? this.openRequest(on, response ?? responseOf(on)) : undefined;
  }

  openRequest(request: HttpRequest, response: object | undefined, context?: ExecutionContext): OpenedCall {
    const addresses = isBare(request) ? this.#bareAddresses : this.addresses;
    const call = new HttpCall(request, response, addresses, this.style, context);
    return { target: nodeRequestOf(request), call, responder: call };
  }
}

/** The route that a request took: Express sets `route`, Fastify `routeOptions`. */
interface RoutedRequest {
  readonly method?: string;
  readonly route?: { readonly path?: unknown };
  readonly routeOptions?: { readonly url?: unknown };
}

/** Returns true for a request that is being responded to. */
function isHandled(request: unknown, response: object | undefined): request is HttpRequest {
  if (typeof response !== 'object' || response === null) return false;
  // Checks the class first: on Express every request has its own hidden class, so each access by name costs 1 us.
  if (request instanceof IncomingMessage) return true;
  return isRequest(request) && isObject(request.headers);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
