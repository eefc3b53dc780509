import type { INestApplication } from '@nestjs/common';
import { ThrottleService } from '../../src/index.js';

/** Collects the labels of the handlers whose calls are denied from now on, one per denial. */
export function deniedHandlers({ app }: { readonly app: INestApplication }): (string | undefined)[] {
  const labels: (string | undefined)[] = [];
  app.get(ThrottleService).events$.subscribe((event) => {
    if (event.type === 'denied') labels.push(event.handler);
  });
  return labels;
}
