/** Mutants of lua/strategies/bucket.lua that behave as the original: the reason, and their places. */
export const BUCKET = [
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: ['strategies/bucket: is_sound, expires_ms = not text, 0 | 0 -> 1'],
  },
  {
    why: 'What remains of 0 is 0.',
    places: [
      'strategies/bucket: remaining = room < 0 and 0 or (room - room % period_ms) / period_ms | 0 -> 1',
      'strategies/bucket: remaining = room < 0 and 0 or (room - room % period_ms) / period_ms | < -> <=',
    ],
  },
  {
    why: 'Both are the same instant there: t begins as now, and the bucket is drained up to t.',
    places: [
      'strategies/bucket: if drained_ms == nil or drained_ms > now + period_ms then | now -> t',
      'strategies/bucket: if drained_ms > now then t = drained_ms end | > -> >=',
      'strategies/bucket: if drained_ms > now then t = drained_ms end | now -> t',
      'strategies/bucket: local ahead_ms = t - now | t -> drained_ms',
      'strategies/bucket: local idle_ms = t - at | t -> drained_ms',
      'strategies/bucket: if at <= t and idle_ms < ceil(given / limit) then | t -> drained_ms',
    ],
  },
  {
    why: 'A cost equal to the burst is limited to itself. For a cost above the burst the reply only has the wait, which never ends.',
    places: [
      'strategies/bucket: local wanted = (cost <= burst and cost or burst) * period_ms | <= -> <',
      'strategies/bucket: local wanted = (cost <= burst and cost or burst) * period_ms | burst (2) -> limit',
    ],
  },
  {
    why: 'wanted is 0 if and only if cost is 0.',
    places: [
      'strategies/bucket: allowed = cost == 0 or (cost <= burst and wanted <= room) | cost -> wanted',
      'strategies/bucket: if allowed and cost > 0 then | cost -> wanted',
    ],
  },
  {
    why: 'What gives back all units and more leaves none. The bound keeps the product exact.',
    places: [
      'strategies/bucket: deficit = max(0, deficit - min(units, ceil(deficit / period_ms)) * period_ms) | / -> *',
    ],
  },
];
