// A process that measures the cost of a guard's canActivate, on requests that no guard has seen.

import { createApp, NO_GUARD } from '../lib/app.mjs';
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { Batches } from './batches.mjs';

/** Calls the guard like Nest: awaits a result that is not a boolean. Returns the number of denied calls. */
async function decide(guard, contexts) {
  let denied = 0;
  for (const context of contexts) {
    try {
      const goesOn = guard.canActivate(context);
      if (typeof goesOn !== 'boolean') await goesOn;
    } catch (error) {
      if (error.getStatus?.() !== 429) throw error;
      denied += 1;
    }
  }
  return denied;
}

/** Like `decide`, with several calls in flight. */
async function decideTogether(guard, contexts, inFlight) {
  const share = Math.ceil(contexts.length / inFlight);
  const shares = Array.from({ length: inFlight }, (_, i) => contexts.slice(i * share, (i + 1) * share));
  const denied = await Promise.all(shares.map((some) => decide(guard, some)));
  return denied.reduce((a, b) => a + b);
}

answer({
  async measure({ batches, warmUp, inFlight = 1, clients = 500, ...options }) {
    const held = new Batches(clients);
    const { app, guard: guardOf } = await createApp({ ...options, guard: held.guard });
    await app.listen(0, '127.0.0.1');
    await held.connect(app.getHttpServer().address().port);
    const guard = guardOf();
    let micros = 0;
    let calls = 0;
    for (let i = 0; i < warmUp + batches; i++) {
      await held.next(async (contexts) => {
        const before = cpuMicros();
        const denied = await (inFlight === 1 ? decide(guard, contexts) : decideTogether(guard, contexts, inFlight));
        if (i < warmUp) return;
        micros += cpuMicros() - before;
        calls += contexts.length;
        if (options.limiter !== NO_GUARD) check(contexts, denied, options.isDenied);
      });
    }
    held.close();
    return { micros: micros / calls };
  },
});

/** Throws if the guard did not decide as expected: measuring a guard that does nothing would be meaningless. */
function check(contexts, denied, isDenied) {
  const expected = isDenied ? contexts.length : 0;
  if (denied !== expected)
    throw new Error(`expected ${expected} of ${contexts.length} calls to be denied, ${denied} were`);
  const headers = Object.keys(contexts[0].switchToHttp().getResponse().getHeaders());
  if (!headers.some((name) => /ratelimit|retry-after/i.test(name)))
    throw new Error(`no headers of a limit: ${headers}`);
}
