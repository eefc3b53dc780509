import type { HttpAdapterHost } from '@nestjs/core';
import type { RuntimeSettings } from '../service/calls/runtime-settings.js';
import type { HttpRequest } from '../transports/call.js';
import { ClientAddress } from '../transports/identity/client-address.js';
import { proxiedRequest } from '../transports/identity/trust-proxy.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import { asFrameworkRequest } from '../transports/sockets/handshake/upgrade-request.js';

const TRUST_IT =
  'Trust it: ThrottleModule.forRoot({ sockets: { trustProxy: "10.0.0.0/8" } }), by its addresses or their number.';

/** The book of connections, with addresses under the proxy setting of its own, else under that of the HTTP application. */
export function connectionsOf(
  settings: RuntimeSettings,
  addresses: ClientAddress,
  adapters: HttpAdapterHost,
): ConnectionRegistry {
  const { trusts } = settings.sockets;
  if (trusts === undefined) {
    const app = () => adapters.httpAdapter?.getInstance<unknown>();
    return new ConnectionRegistry(settings, addresses, (upgrade) => asFrameworkRequest(upgrade, app()));
  }
  const own = new ClientAddress(settings.ipv6Prefix, settings.warn, TRUST_IT);
  return new ConnectionRegistry(settings, own, (upgrade: HttpRequest) => proxiedRequest(upgrade, trusts));
}
