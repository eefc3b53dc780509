import type { RedisClient } from './clients/redis-client.js';

/** What of a client's and a server's settings would charge twice, hang, or forget counters; each names the setting to use. */
export async function checkServerSettings(client: RedisClient, timeoutMs: number): Promise<readonly string[]> {
  const warnings = client.isCluster === true ? clusterWarnings(client) : clientWarnings(client.options ?? {}, '');
  const policy = await evictionPolicy(client, timeoutMs);
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `Redis evicts keys when memory is short (maxmemory-policy ${policy}), and counters with them: limits start afresh. Set maxmemory-policy noeviction.`,
    );
  }
  return warnings;
}

function clusterWarnings(client: RedisClient): string[] {
  const options: unknown = Reflect.get(client.options ?? {}, 'redisOptions');
  const warnings = clientWarnings(typeof options === 'object' && options !== null ? options : {}, 'redisOptions.');
  if (Reflect.get(client.options ?? {}, 'retryDelayOnFailover') !== 0) {
    warnings.push(
      'A Cluster of ioredis sends a command again when a node is lost, which charges twice. Set retryDelayOnFailover: 0.',
    );
  }
  return warnings;
}

function clientWarnings(options: object, prefix: string): string[] {
  const has = (member: string): unknown => Reflect.get(options, member);
  const warnings: string[] = [];
  if (has('autoResendUnfulfilledCommands') !== false) {
    warnings.push(
      `ioredis sends a command again when its reply was lost, which charges twice. Set ${prefix}autoResendUnfulfilledCommands: false.`,
    );
  }
  if (has('maxRetriesPerRequest') !== 0) {
    warnings.push(
      `ioredis tries commands again after a lost connection, which charges twice. Set ${prefix}maxRetriesPerRequest: 0.`,
    );
  }
  if (has('enableOfflineQueue') !== false && prefix === '') {
    warnings.push(
      'ioredis keeps commands while there is no connection, and calls wait for it in vain. Set enableOfflineQueue: false, and connect before the application starts.',
    );
  }
  if (has('sentinels') && has('failoverDetector') !== true) {
    warnings.push('With Sentinel ioredis stays with a master that is frozen. Set failoverDetector: true.');
  }
  return warnings;
}

async function evictionPolicy(client: RedisClient, timeoutMs: number): Promise<string | undefined> {
  const given = new Promise<void>((resolve) => void setTimeout(resolve, timeoutMs).unref());
  // Who may not ask, or cannot be reached, is not warned: the calls themselves tell of that.
  const asked = client.info?.('memory').catch(() => undefined);
  const text = await Promise.race([asked, given]);
  return typeof text === 'string' ? /maxmemory_policy:(\S+)/.exec(text)?.[1] : undefined;
}
