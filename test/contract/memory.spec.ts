import { MemoryBackend } from '../../src/backends/memory.backend.js';
import { backendContract } from './backend-contract.js';

backendContract('memory', (clock) => new MemoryBackend({ clock }));
