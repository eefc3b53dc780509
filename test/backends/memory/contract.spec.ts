import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { backendContract } from '../../../src/testing/index.js';
import { runCases } from '../../support/contract-cases.js';
import { scaled } from '../../support/scale.js';

runCases(
  'the memory backend',
  backendContract({
    create: (clock) => new MemoryBackend({ clock }),
    effort: scaled(0.125, 1),
  }),
);
