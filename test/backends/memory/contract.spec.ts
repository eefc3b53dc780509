import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { scaled } from '../../support/scale.js';
import { backendContract } from '../contract/backend-contract.js';

backendContract('memory', (clock) => new MemoryBackend({ clock }), { effort: scaled(0.125, 1) });
