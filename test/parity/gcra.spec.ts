import { parity } from './parity.js';

parity('gcra');
