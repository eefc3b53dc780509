import { parity } from './parity.js';

parity('sliding-window');
