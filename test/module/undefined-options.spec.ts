import { describe, expect, it } from '@jest/globals';
import { VALUE_OPTIONS } from '../../src/core/value-options.js';
import { POLICY_MEMBERS } from '../../src/decorators/policy-options.js';
import {
  type CallOptions,
  definePolicy,
  LeasingBackend,
  MemoryBackend,
  type MemoryBackendOptions,
  type PolicySpec,
  ThrottleModule,
} from '../../src/index.js';
import { EXTRAS, MODULE_MEMBERS, SOCKET_MEMBERS } from '../../src/module/validate-options.js';
import { OPTIONS as CALL_MEMBERS, parseArguments } from '../../src/service/service-arguments.js';
import { SPEC_EXPECTED } from '../../src/strategies/define-policy.js';
import { startupError } from '../support/application.js';

/** Options that may be undefined. A new option goes here, or into VALUE_OPTIONS if it says how much, of whom, where or by what rule. */
const MAY_BE_UNDEFINED: readonly string[] = [
  'anchor',
  'backend',
  'closeAfter',
  'context',
  'errors',
  'functionTimeoutMs',
  'guard',
  'headers',
  'id',
  'ipv6Prefix',
  'isGlobal',
  'manual',
  'maxPending',
  'message',
  'mode',
  'name',
  'noticeEveryMs',
  'onDenied',
  'overrides',
  'phase',
  'response',
  'retryJitter',
  'rollover',
  'runtimePolicies',
  'skip',
  'sockets',
  'strategies',
  'thresholds',
  'timeZone',
  'trustProxy',
  'unit',
];

/** The options by where they are given, and a start or a call with one of them. */
const places: readonly (readonly [
  place: string,
  members: readonly string[],
  use: (options: object) => Promise<string | null>,
])[] = [
  ['the module', MODULE_MEMBERS, (options) => startupError(() => ({ options }))],
  ['the module itself', EXTRAS, (options) => startupError(() => ({ options }))],
  ['its sockets', SOCKET_MEMBERS, (sockets) => startupError(() => ({ options: { sockets } }))],
  [
    'its default',
    POLICY_MEMBERS,
    (options) => startupError(() => ({ options: { default: { rate: '5/min', ...options } } })),
  ],
  [
    'a policy',
    POLICY_MEMBERS,
    (options) => startupError(() => ({ options: { policies: { x: { rate: '5/min', ...options } } } })),
  ],
  [
    'forFeature',
    ['policies'],
    (options) => startupError(() => ({ options: {}, imports: [ThrottleModule.forFeature(options as never)] })),
  ],
  ['definePolicy', Object.keys(SPEC_EXPECTED), (options) => errorOf(() => definePolicy('x', specOf(options)))],
  ['the service', CALL_MEMBERS, (options) => errorOf(() => parseArguments('hit', ['x', 1, options as CallOptions]))],
];

const specOf = (options: object): PolicySpec => ({ rate: '5/min', ...options });

async function errorOf(call: () => unknown): Promise<string | null> {
  try {
    call();
    return null;
  } catch (error) {
    return String(error);
  }
}

const cases = places.flatMap(([place, members, use]) => members.map((member) => [member, place, use] as const));
const isValue = (member: string) => Object.hasOwn(VALUE_OPTIONS, member);

describe('an option that is present but undefined', () => {
  it('either stops startup or means its default: each is in one of two lists, which contain only real options', () => {
    const members = [...new Set(cases.map(([member]) => member))].sort();
    expect([...Object.keys(VALUE_OPTIONS), ...MAY_BE_UNDEFINED].sort()).toEqual(members);
  });

  it.each(cases.filter(([member]) => isValue(member)))('%s of %s: stops', async (member, _, use) => {
    expect(await use({ [member]: undefined })).toMatch(
      new RegExp(`\\b${member}\\b.*: expected .*, got undefined\\. Is an environment variable`),
    );
  });

  it.each(cases.filter(([member]) => !isValue(member)))('%s of %s: means the default', async (member, _, use) => {
    expect(await use({ [member]: undefined })).toBeNull();
  });
});

describe('an option of a backend', () => {
  it.each<keyof MemoryBackendOptions>(['clock', 'maxKeys'])('%s of MemoryBackend may be undefined', (member) => {
    const backend = new MemoryBackend({ [member]: undefined });
    const policy = definePolicy('x', '1/min');
    expect(backend.spend([{ policy, subject: 'ada', cost: 1 }]).allowed).toBe(true);
  });

  it.each(['timeoutMs', 'denyMemoryMs', 'maxDenials'])('%s of LeasingBackend may be undefined', (member) => {
    const remote = Object.assign(new MemoryBackend(), { remote: true, lease: () => ({}) });
    expect(() => new LeasingBackend(remote as never, { [member]: undefined })).not.toThrow();
  });
});
