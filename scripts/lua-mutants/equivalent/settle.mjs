/** Mutants of lua/scripts/settle.lua that behave as the original: the reason, and their places. */
export const SETTLE = [
  {
    why: 'Costs that are the same are skipped: what is given back or added is never 0.',
    places: [
      'scripts/settle: if is_sound and (text or units > 0) then | > -> >=',
      'scripts/settle: if units > 0 then | > -> >=',
      'scripts/settle: if units > 0 then | > -> >= | occurrence 2 of this line',
      'scripts/settle: if state ~= nil and (text or units > 0) then | > -> >=',
    ],
  },
  {
    why: 'What a settlement changes, and until when it matters, is the same whatever the burst is.',
    places: ['scripts/settle: local burst, segments = policy.burst, policy.segments | burst (2) -> limit'],
  },
  {
    why: 'A charge has seven arguments or more, so the next one never begins at the last argument.',
    places: ['scripts/settle: while arg <= #ARGV do | <= -> <'],
  },
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: [
      'scripts/settle: if is_stale then text, state, expires_ms = false, {}, 0 else text, state, expires_ms = read_state(key, policy, redis_pcall) end | 0 -> 1',
    ],
  },
  {
    why: 'Units are given back now, whenever they were taken, and what they become is 0.',
    places: [
      'scripts/settle: local units, granted, window_ms = from - to | - -> +',
      'scripts/settle: amended = custom.credit(state, now, policy, from - to, arguments) | now -> at',
      'scripts/settle: amended = custom.credit(state, now, policy, from - to, arguments) | - -> +',
    ],
  },
];
