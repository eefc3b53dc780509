import { parity } from './parity.js';

parity('token-bucket');
