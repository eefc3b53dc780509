import { parity } from './parity.js';

parity('sliding-log');
