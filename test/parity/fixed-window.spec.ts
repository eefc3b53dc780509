import { parity } from './parity.js';

parity('fixed-window');
