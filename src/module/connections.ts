import type { HttpAdapterHost } from '@nestjs/core';
import { Connections } from '../service/connections.js';
import type { Settings } from '../service/settings.js';
import type { HttpRequest } from '../transports/call.js';
import { ClientAddress } from '../transports/client-address.js';
import { proxiedRequest } from '../transports/trust-proxy.js';
import { asFrameworkRequest } from '../transports/upgrade-request.js';

const TRUST_IT =
  'Trust it: ThrottleModule.forRoot({ sockets: { trustProxy: "10.0.0.0/8" } }), by its addresses or their number.';

/** The book of connections, with addresses under the proxy setting of its own, else under that of the HTTP application. */
export function connectionsOf(settings: Settings, addresses: ClientAddress, adapters: HttpAdapterHost): Connections {
  const { trusts } = settings.sockets;
  if (trusts === undefined) {
    const app = () => adapters.httpAdapter?.getInstance<unknown>();
    return new Connections(settings, addresses, (upgrade) => asFrameworkRequest(upgrade, app()));
  }
  const own = new ClientAddress(settings.ipv6Prefix, settings.warn, TRUST_IT);
  return new Connections(settings, own, (upgrade: HttpRequest) => proxiedRequest(upgrade, trusts));
}
