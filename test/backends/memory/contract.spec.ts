import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { backendContract } from '../contract/backend-contract.js';

backendContract('memory', (clock) => new MemoryBackend({ clock }));
