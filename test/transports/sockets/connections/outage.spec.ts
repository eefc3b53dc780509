import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { BackendError, type FailureMode, type ThrottleModuleOptions } from '../../../../src/index.js';
import { transports } from '../../../support/gateway-app.js';
import { attempts, perMinute, refusal, SlowBackend, startOnly, tooMany } from './handshake-client.js';

@WebSocketGateway()
class ChatGateway {}

const gateways = [ChatGateway];
const unavailable = tooMany({
  error: 'Limits cannot be checked now',
  retry_after: 1,
  policy: null,
  limit: null,
  remaining: null,
  reason: null,
});

/** Options with a remote backend that fails. */
function failing(onError: FailureMode, ofPolicy?: FailureMode) {
  const backend = new SlowBackend(true);
  backend.failure = new BackendError('CONNECTION', 'the backend is down');
  const connections = { ...perMinute(2), ...(ofPolicy && { onError: ofPolicy }) };
  const options: ThrottleModuleOptions = { backend, onError, sockets: { connections } };
  return { backend, options };
}

describe.each(transports)('new connections on %s while the backend fails', (transport) => {
  it.each([
    ['of the module', failing('deny')],
    ['of the limit', failing('allow', 'deny')],
  ])('are refused with a 503 if onError %s is deny', async (_whose, { backend, options }) => {
    const errors: string[] = [];
    await using sockets = await startOnly({ transport, gateways, options, errors });
    // Before and after the backend is left alone.
    for (let i = 0; i < 7; i++) {
      const { status, headers, body, message, data } = await refusal(sockets);
      if (transport === 'ws') {
        expect(status).toBe(503);
        expect(headers).toEqual({
          connection: 'close',
          'content-type': 'application/json; charset=utf-8',
          'content-length': String(body.length),
          'retry-after': '1',
          'cache-control': 'no-store',
        });
        expect(JSON.parse(body)).toEqual({
          statusCode: 503,
          error: 'Service Unavailable',
          message: 'Limits cannot be checked now. Retry in 1 second.',
          retryAfter: 1,
        });
      } else {
        expect([status, headers['retry-after']]).toEqual([503, '1']);
        expect([message, data]).toEqual(['Limits cannot be checked now', unavailable]);
      }
    }
    expect(errors).toEqual([]);
    backend.failure = undefined;
  });

  it('are accepted again when the backend responds again', async () => {
    const { backend, options } = failing('deny');
    await using sockets = await startOnly({ transport, gateways, options });
    await refusal(sockets);
    backend.failure = undefined;
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
  });

  it.each([
    ['of the module', failing('allow')],
    ['of the limit', failing('deny', 'allow')],
  ])('are accepted if onError %s is allow', async (_whose, { options }) => {
    await using sockets = await startOnly({ transport, gateways, options });
    expect(await attempts(sockets, 7)).toEqual(new Array(7).fill('open'));
  });

  it.each([
    ['of the module', failing('local')],
    ['of the limit', failing('allow', 'local')],
  ])('are limited in this process if onError %s is local', async (_whose, { options }) => {
    await using sockets = await startOnly({ transport, gateways, options });
    expect(await attempts(sockets, 7)).toEqual(['open', 'open', ...new Array(5).fill('limited')]);
  });

  it('are refused with an error if a backend in this process fails', async () => {
    const backend = new SlowBackend(false);
    backend.failure = new BackendError('CONNECTION', 'the backend is down');
    const errors: string[] = [];
    const options = { backend, onError: 'allow', sockets: { connections: perMinute(1) } } as const;
    await using sockets = await startOnly({ transport, gateways, options, errors });
    const { status, message } = await refusal(sockets);
    if (transport === 'ws') expect(status).toBe(500);
    else expect(message).toBe('Internal server error');
    expect(errors).toEqual(['the backend is down']);
    backend.failure = undefined;
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });
});

it('a refusal of ws while the backend fails is problem details with errors "problem"', async () => {
  const { options } = failing('deny');
  await using sockets = await startOnly({
    transport: 'ws',
    gateways,
    options: { ...options, errors: 'problem' },
  });
  const { status, headers, body } = await refusal(sockets);
  expect([status, headers['content-type'], headers['retry-after']]).toEqual([503, 'application/problem+json', '1']);
  expect(JSON.parse(body)).toEqual({
    type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
    title: 'Service Unavailable',
    status: 503,
    detail: 'Limits cannot be checked now. Retry in 1 second.',
    retryAfter: 1,
  });
});
