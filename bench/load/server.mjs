// The application under load, in a separate process.
import { createApp } from '../lib/app.mjs';
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';

answer({
  async start(options) {
    const { app } = await createApp(options);
    await app.listen(0, '127.0.0.1');
    return app.getHttpServer().address().port;
  },

  cpu: () => cpuMicros(),
});
