import { Redis } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import type { NewOverride } from '../../../../src/backends/settings-store.js';

/** The override that a separate process sets, and its server. */
export interface SetterTask {
  readonly port: number;
  readonly prefix: string;
  readonly override: NewOverride;
}

async function set({ port, prefix, override }: SetterTask): Promise<void> {
  const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false });
  await new RedisBackend(client, { prefix, timeoutMs: 30_000 }).settings?.setOverride(override);
  client.disconnect();
  process.send?.('set');
}

process.on('message', (task: SetterTask) => void set(task));
