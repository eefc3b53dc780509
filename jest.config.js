const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, useDefineForClassFields: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

const sources = {
  '^(\\.{1,2}/.*)\\.js$': '$1',
  '^nestjs-sluice$': '<rootDir>/src/index.ts',
  '^nestjs-sluice/(.+)$': '<rootDir>/src/$1/index.ts',
};

/**
 * Suites on Nest 12 that `npm test` leaves to `npm run test:rest`: they break servers, form clusters, run several
 * processes, compile programs, or repeat what faster suites check, with more cases or in a rarer environment.
 */
const SLOW_SUITES = [
  'backends/redis/(faults|atomicity/(cross-slot|processes)|clients/versions|cluster-contract|holds/late-replies)',
  'backends/redis/(keys/(acl|expiry|format)|leasing/(faults|leasing)|scripts/scripts|server-settings|settings/overrides)',
  'backends/resilience/fallback/counted-by-redis',
  'applications/(fleet-of-releases|gateways-on-redis|redis|releases)',
  'planning/(external-contexts|instrumented-[^/]+)',
  'service/(concurrency/processes|function-deadlines|handler-phase/guard-order|policies/(fleet|processes))',
  'testing/contract/broken-[^/]+',
  'transports/sockets/floods',
  'types',
].map((name) => `/test/${name}(/[^/]+)?\\.spec\\.ts$`);

/** Suites that run on Nest 11 too: those whose subject depends on the version of Nest. */
const ON_NEST_11 = [
  '<rootDir>/test/transports/sockets/**/*.spec.ts',
  '<rootDir>/test/service/sockets/**/*.spec.ts',
  '<rootDir>/test/service/concurrency/{http,sockets}.spec.ts',
  '<rootDir>/test/service/handler-phase/**/*.spec.ts',
  '<rootDir>/test/service/outcomes/{http,sockets}.spec.ts',
  '<rootDir>/test/service/budgets/token-budget-decorator.spec.ts',
  '<rootDir>/test/transports/identity/ip-reader.spec.ts',
  '<rootDir>/test/transports/http/{by-hand-early,all-requests,other-nest-copy}.spec.ts',
  '<rootDir>/test/module/**/*.spec.ts',
  '<rootDir>/test/testing/module/**/*.spec.ts',
  '<rootDir>/test/planning/errors/**/*.spec.ts',
  '<rootDir>/test/planning/{instrumented-*,external-contexts,replaced-methods,budgets-of-*}.spec.ts',
  '<rootDir>/test/applications/{gateways-on-redis,fleet-of-releases,releases}.spec.ts',
];

/** Suites among them that depend on it least: they run on Nest 11 with `npm run test:full` only. */
const SAME_ON_NEST_11 = [
  '<rootDir>/test/transports/sockets/((floods|frames)/|[^/]+$|connections/refused-clients)',
  // How options are checked.
  '<rootDir>/test/module/(missing-values|undefined-options|socket-options|bounded/bounded-holds)',
  '<rootDir>/test/applications/releases',
  '<rootDir>/test/service/concurrency/sockets',
];

const isFull = process.env.TEST_SIZE === 'full';

/** What a script runs: `quick` for `npm test`, `rest` for `npm run test:rest`. Without a value it is everything. */
const part = process.env.TEST_PART;
const isQuick = part === 'quick';
const isRest = part === 'rest';
if (part !== undefined && !isQuick && !isRest) {
  throw new Error(`TEST_PART: expected "quick" or "rest", got "${part}". Leave it out to run all suites.`);
}

const NOT_ON_NEST_12 = ['/node_modules/', '<rootDir>/test/(nest11|instrumentation|consumers)/'];

const nest11 = {
  ...shared,
  displayName: 'nest11',
  globals: { NEST_MAJOR: 11 },
  testMatch: ON_NEST_11,
  testPathIgnorePatterns: ['/node_modules/', ...(isFull ? [] : SAME_ON_NEST_11)],
  moduleNameMapper: {
    ...sources,
    // rxjs too: the library and Nest have to share one copy, as they do where it is installed.
    '^(@nestjs/.+|rxjs|rxjs/.+|reflect-metadata)$': '<rootDir>/test/nest11/node_modules/$1',
  },
};

const instrumentation = {
  ...shared,
  displayName: 'instrumentation',
  testMatch: ['<rootDir>/test/instrumentation/**/*.spec.ts'],
  moduleNameMapper: sources,
};

/** @type {import('jest').Config} */
export default {
  // Of two cores Jest would leave one idle.
  maxWorkers: '100%',
  // Node 20 never frees the ES modules of a suite that has ended. Collecting garbage in a worker that has run a hundred
  // suites makes every further one several times slower, so a worker is replaced after about ten.
  workerIdleMemoryLimit: '400MB',
  reporters: ['default', '<rootDir>/scripts/slowest-suites.mjs', '<rootDir>/scripts/closing-line.mjs'],
  // Helpers give up after 30 seconds and say what they waited for: Jest must not end a test before they do.
  testTimeout: 120_000,
  projects: [
    {
      ...shared,
      displayName: 'nest12',
      globals: { NEST_MAJOR: 12 },
      ...(isRest ? { testRegex: SLOW_SUITES } : { testMatch: ['<rootDir>/test/**/*.spec.ts'] }),
      testPathIgnorePatterns: [...NOT_ON_NEST_12, ...(isQuick ? SLOW_SUITES : [])],
      moduleNameMapper: sources,
    },
    ...(isQuick ? [] : [nest11, instrumentation]),
  ],
};
