/** Mutants of lua/scripts/spend.lua that behave as the original: the reason, and their places. */
export const SPEND = [
  {
    why: 'The phases of a call are only told apart.',
    places: [
      'scripts/spend: local FIRST, MONITORED, DENIED_CALL = 1, 2, 3 | 1 -> 0',
      'scripts/spend: local FIRST, MONITORED, DENIED_CALL = 1, 2, 3 | 3 -> 4',
    ],
  },
  {
    why: 'There is no charge of the number 0 that may be overridden.',
    places: ['scripts/spend: for i = 1, charge_count do | 1 -> 0 | occurrence 2 of this line'],
  },
  {
    why: 'Without a monitored charge nothing is decided in the phase of those.',
    places: ['scripts/spend: local has_monitored, has_blocks = false, false | false -> true'],
  },
  {
    why: 'The first charge on the key is this one, or one on the same key.',
    places: [
      'scripts/spend: field_1[i] = state | i -> first',
      'scripts/spend: local policy = policy_of[i] | i -> first',
      'scripts/spend: expiry_in[i] = expires_ms | i -> first',
      'scripts/spend: local key, is_sound, is_decided, is_taken = KEYS[last_key + i], true, false, cost > 0 | i -> first',
    ],
  },
  {
    why: 'A key that is read once more holds the same state. It goes to a slot that nothing loads, as does the last charge of one that is not the first.',
    places: [
      'scripts/spend: if first == i then | first -> i',
      'scripts/spend: if first == i then | i -> first',
      'scripts/spend: first_on[i], last_on[i] = first, 0 | i (2) -> first',
    ],
  },
  {
    why: 'No charge has the number 0.',
    places: [
      'scripts/spend: local from = earlier > 0 and left_by[earlier] or first | > -> >=',
      'scripts/spend: local from = earlier > 0 and left_by[earlier] or first | earlier -> first',
      'scripts/spend: local is_denied = earlier > 0 and denied_of[earlier] | > -> >=',
      'scripts/spend: local is_denied = earlier > 0 and denied_of[earlier] | earlier -> first',
    ],
  },
  {
    why: 'It is set before it is read, or never read.',
    places: [
      'scripts/spend: local key, is_sound, is_decided, is_taken = KEYS[last_key + i], true, false, cost > 0 | false -> true',
      'scripts/spend: local at, units, is_amended = now, cost, false | false -> true',
    ],
  },
  {
    why: 'A built-in strategy that records 0 units changes nothing.',
    places: [
      'scripts/spend: if is_recorded and cost > 0 then | > -> >=',
      'scripts/spend: if is_recorded and cost > 0 then | cost -> total_cost',
    ],
  },
  {
    why: 'What a charge leaves that takes nothing is in a slot that nothing loads.',
    places: [
      'scripts/spend: if allowed and is_taken then | allowed -> is_taken',
      'scripts/spend: if allowed and is_taken then | and -> or',
      'scripts/spend: if allowed and is_taken then | is_taken -> allowed',
    ],
  },
  {
    why: 'All strategies allow a cost of 0, so a recorded charge is never denied; what is monitored is decided by itself, whatever was denied before it; and what is denied stays so.',
    places: [
      'scripts/spend: if not is_recorded then is_denied = is_denied or not allowed end | is_recorded -> allowed',
      'scripts/spend: if not is_recorded then is_denied = is_denied or not allowed end | is_recorded -> is_late',
      'scripts/spend: if not is_recorded then is_denied = is_denied or not allowed end | is_recorded -> is_monitored',
      'scripts/spend: if not is_recorded then is_denied = is_denied or not allowed end | is_recorded -> is_denied',
    ],
  },
  {
    why: 'What is recorded is decided at a cost of 0, which is told already.',
    places: [
      'scripts/spend: is_decided = phase == MONITORED or is_recorded or earlier == 0 or cost == 0 or not is_denied | is_recorded -> is_late',
      'scripts/spend: is_decided = phase == MONITORED or is_recorded or earlier == 0 or cost == 0 or not is_denied | is_recorded -> is_monitored',
    ],
  },
  {
    why: 'Later charges on the key ask only what one of them leaves that took units, and its total is the cost it was decided at.',
    places: [
      'scripts/spend: left_by[i] = allowed and is_taken and charge_count + i or from | is_taken -> allowed',
      'scripts/spend: total_of[i], denied_of[i] = total_cost, is_denied | total_cost -> cost',
    ],
  },
  {
    why: 'A charge of the number 0 is never due, and is on no key.',
    places: [
      'scripts/spend: i, phase = 1, is_call_allowed and MONITORED or DENIED_CALL | 1 -> 0',
      'scripts/spend: for i = 1, is_call_sound and is_call_recorded and is_call_allowed and writes and charge_count or 0 do | 1 -> 0',
    ],
  },
  {
    why: 'Charges on one key have the same strategy and segments.',
    places: [
      'scripts/spend: local key, slot, policy = KEYS[last_key + i], left_by[i], policy_of[i] | i -> first',
      'scripts/spend: local key, slot, policy = KEYS[last_key + i], left_by[i], policy_of[i] | i (3) -> first',
    ],
  },
  {
    why: 'A policy of an override has no window before its first decision, so no decision by it is told in short.',
    places: ['scripts/spend: rate.granted, rate.block = 0, policy.block | 0 -> 1'],
  },
  {
    why: 'Only the first charge on a key reads it.',
    places: ['scripts/spend: local is_stale = beside and beside_expiry[i] == 0 | i -> first'],
  },
  {
    why: 'Of a text that is not read nothing is looked at but that it is no failure; and every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0.',
    places: [
      'scripts/spend: if is_stale then text, state, expires_ms = false, {}, 0 else text, state, expires_ms = read_state(key, policy, redis_pcall) end | false -> true',
      'scripts/spend: if is_stale then text, state, expires_ms = false, {}, 0 else text, state, expires_ms = read_state(key, policy, redis_pcall) end | 0 -> 1',
    ],
  },
  {
    why: 'Charges on one key are of the same override, beside the same policy.',
    places: [
      'scripts/spend: if beside and beside[i] then write_shape(KEYS[beside[i]], policy, beside_expiry[i], until_ms) end | i -> first',
      'scripts/spend: if beside and beside[i] then write_shape(KEYS[beside[i]], policy, beside_expiry[i], until_ms) end | i (2) -> first',
      'scripts/spend: if beside and beside[i] then write_shape(KEYS[beside[i]], policy, beside_expiry[i], until_ms) end | i (3) -> first',
    ],
  },
  {
    why: 'There is nothing to conclude or to write where no charge has a record.',
    places: ['scripts/spend: local has_monitored, has_blocks = false, false | false (2) -> true'],
  },
  {
    why: 'Only the first charge on a key reads it.',
    places: [
      'scripts/spend: local redis_pcall = is_stale and read_nothing or command_of[i] or redis_pcall | i -> first',
    ],
  },
  {
    why: 'Charges on one key have one record.',
    places: [
      'scripts/spend: local record = record_of[i] | i -> first',
      'scripts/spend: local redis_call = command_of[i] or redis_call | i -> first | occurrence 2 of this line',
      'scripts/spend: if command_of[i] then record_of[i].until_ms = until_ms end | i -> first',
      'scripts/spend: if command_of[i] then record_of[i].until_ms = until_ms end | i (2) -> first',
    ],
  },
  {
    why: 'A row is over while its subject is blocked, and the state that a denied charge would leave is not used.',
    places: ['scripts/spend: is_taken = false | false -> true'],
  },
  {
    why: 'A charge of this instant is decided by what is read of its key already.',
    places: [
      'scripts/spend: local redis_call = command_of[i] or redis_call | i -> first',
      'scripts/spend: local redis_call = command_of[i] or redis_call | i -> arg',
      'scripts/spend: local redis_call = command_of[i] or redis_call | i -> last_key',
      'scripts/spend: local redis_call = command_of[i] or redis_call | or -> and',
    ],
  },
  {
    why: 'There is no charge 0, so it is never due.',
    places: [
      'scripts/spend: if has_monitored or not is_call_allowed then i, phase = 1, is_call_allowed and MONITORED or DENIED_CALL end | 1 -> 0',
    ],
  },
];
