import { askOnce } from '../lib/child.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';

const OURS = 'sluice';
const PEERS = ['@nestjs/throttler', 'express-rate-limit'];
const KINDS = ['IPv6', 'IPv4-mapped', 'IPv4'];

/** Normalises client addresses to one string per host. */
export async function address({ isQuick }) {
  const file = new URL('./normalise.mjs', import.meta.url);
  const count = isQuick ? 100_000 : 400_000;
  const rows = [];
  const figures = {};
  for (const kind of KINDS) {
    const samples = await interleaved([OURS, ...PEERS], isQuick ? 2 : 3, (variant) =>
      askOnce(file, 'measure', { variant, kind, count }, { label: `address-${kind}-${variant}` }),
    );
    for (const variant of samples.variants) {
      const ratio = samples.ratio(variant, OURS, 'micros');
      rows.push({ address: kind, variant, 'CPU us': samples.median(variant, 'micros'), 'x ours': showRatio(ratio) });
    }
    figures[`address: ${kind}`] = Math.min(...PEERS.map((peer) => samples.ratio(peer, OURS, 'micros').median));
  }
  printTable('Addresses, normalised', rows);
  return figures;
}
