import { type Backend, MemoryBackend, RedisBackend } from 'nestjs-sluice';

/** Stores state in this process, or with REDIS_URL in Redis, where all processes that use it share the budgets. */
export async function backendOf(url: string | undefined): Promise<Backend> {
  if (!url) return new MemoryBackend();
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    lazyConnect: true,
  });
  client.on('error', () => undefined); // the module logs it: once when Redis is gone, once when it is back
  await client
    .connect()
    .catch(() => console.error(`Redis at ${url} does not answer yet: limits hold in this process.`));
  return new RedisBackend(client);
}
