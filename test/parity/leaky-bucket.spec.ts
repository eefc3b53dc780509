import { parity } from './parity.js';

parity('leaky-bucket');
