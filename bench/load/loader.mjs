// The second process: sends each request as soon as the previous one has its response.
import autocannon from 'autocannon';
import { KEY_HEADER, PATH } from '../lib/app.mjs';
import { answer } from '../lib/child.mjs';

const CONNECTIONS = 64;

answer({
  /** @param {{ port: number, keys: number, seconds: number }} about */
  async load({ port, keys, seconds }) {
    const requests = Array.from({ length: keys }, (_, i) => ({ headers: { [KEY_HEADER]: `client-${i}` } }));
    const url = `http://127.0.0.1:${port}${PATH}`;
    const result = await autocannon({ url, connections: CONNECTIONS, duration: seconds, requests });
    const { errors, timeouts, non2xx } = result;
    if (errors + timeouts + non2xx > 0) {
      throw new Error(`under load: ${errors} errors, ${timeouts} time-outs, ${non2xx} answers that were no 2xx`);
    }
    return {
      perSecond: result.requests.total / result.duration,
      requests: result.requests.total,
      p50Ms: result.latency.p50,
      p99Ms: result.latency.p99,
    };
  },
});
