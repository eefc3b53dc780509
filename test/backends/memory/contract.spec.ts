import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import type { ManualClock } from '../../../src/core/clock.js';
import { backendContract } from '../../../src/testing/index.js';
import { runCases } from '../../support/contract-cases.js';
import { scaled } from '../../support/scale.js';
import { ownErrors } from '../own-errors.js';

const create = (clock: ManualClock) => new MemoryBackend({ clock });

runCases(
  'the memory backend',
  backendContract({
    create,
    effort: scaled(0.125, 1),
  }),
);

ownErrors('the memory backend', create);
