import { systemClock } from '../../core/clock.js';
import type { RedisClient } from './clients/redis-client.js';

/**
 * Returns a warning for each setting of the client or the server that would charge a call twice, hang, or lose
 * counters. Each names the setting to use.
 *
 * @param dueMs until when, on the local clock, it waits for the server's settings
 */
export async function checkServerSettings(client: RedisClient, dueMs: number): Promise<readonly string[]> {
  const warnings = client.isCluster === true ? clusterWarnings(client) : clientWarnings(client.options ?? {}, '');
  const [policy, bits] = await Promise.all([
    settingOf(client, 'memory', /maxmemory_policy:(\S+)/, dueMs),
    settingOf(client, 'server', /arch_bits:(\d+)/, dueMs),
  ]);
  if (bits === '32') {
    warnings.push(
      'The Redis server is a 32-bit build, whose scripts cannot read numbers of 7 bytes, so counters are decoded wrongly. Use a 64-bit build.',
    );
  }
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `Redis evicts keys when memory is short (maxmemory-policy ${policy}), and counters with them: their limits start again from zero. Set maxmemory-policy noeviction.`,
    );
  }
  return warnings;
}

function clusterWarnings(client: RedisClient): string[] {
  const options: unknown = Reflect.get(client.options ?? {}, 'redisOptions');
  const warnings = clientWarnings(typeof options === 'object' && options !== null ? options : {}, 'redisOptions.');
  if (Reflect.get(client.options ?? {}, 'retryDelayOnFailover') !== 0) {
    warnings.push(
      'A Cluster of ioredis resends a command after a node is lost, which can charge a call twice. Set retryDelayOnFailover: 0.',
    );
  }
  return warnings;
}

function clientWarnings(options: object, prefix: string): string[] {
  const has = (member: string): unknown => Reflect.get(options, member);
  const warnings: string[] = [];
  if (has('autoResendUnfulfilledCommands') !== false) {
    warnings.push(
      `ioredis resends a command whose reply was lost, which can charge a call twice. Set ${prefix}autoResendUnfulfilledCommands: false.`,
    );
  }
  if (has('maxRetriesPerRequest') !== 0) {
    warnings.push(
      `ioredis retries commands after a lost connection, which can charge a call twice. Set ${prefix}maxRetriesPerRequest: 0.`,
    );
  }
  if (has('enableOfflineQueue') !== false && prefix === '') {
    warnings.push(
      'ioredis queues commands while it is disconnected, so calls wait until they time out. Set enableOfflineQueue: false, and connect before the application starts.',
    );
  }
  if (has('sentinels') && has('failoverDetector') !== true) {
    warnings.push('With Sentinel, ioredis stays connected to a master that is frozen. Set failoverDetector: true.');
  }
  return warnings;
}

/** Returns undefined if the server does not answer in time or refuses: the calls themselves report that. */
async function settingOf(
  client: RedisClient,
  section: string,
  pattern: RegExp,
  dueMs: number,
): Promise<string | undefined> {
  const timeoutMs = Math.max(0, dueMs - systemClock.now());
  const timeout = new Promise<void>((resolve) => void setTimeout(resolve, timeoutMs).unref());
  const reply = client.info?.(section).catch(() => undefined);
  const text = await Promise.race([reply, timeout]);
  return typeof text === 'string' ? pattern.exec(text)?.[1] : undefined;
}
