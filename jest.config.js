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

/** Suites that run on Nest 11 in every run. */
const CORE_OF_NEST_11 = [
  '<rootDir>/test/transports/sockets/messages/messages.spec.ts',
  '<rootDir>/test/transports/sockets/connections/connections.spec.ts',
  '<rootDir>/test/transports/http/by-hand-early.spec.ts',
  '<rootDir>/test/service/handler-phase/second-phase.spec.ts',
  '<rootDir>/test/module/for-root.spec.ts',
];

/** All suites that run on Nest 11, by `npm run test:nest11`: those whose subject depends on the version of Nest. */
const ALL_OF_NEST_11 = [
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

/** Suites among them that could do without: they run there where tests run at full size. */
const SAME_ON_NEST_11 = [
  '<rootDir>/test/transports/sockets/((floods|frames)/|[^/]+$|connections/refused-clients)',
  // How options are checked, and how budgets are told apart in a store.
  '<rootDir>/test/planning/errors/(policies|lease)',
  '<rootDir>/test/module/(missing-values|undefined-options|socket-options|bounded/bounded-holds)',
  '<rootDir>/test/applications/releases',
  '<rootDir>/test/service/concurrency/sockets',
];

const isFull = process.env.TEST_SIZE === 'full';

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
      testMatch: ['<rootDir>/test/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(nest11|instrumentation|consumers)/'],
      moduleNameMapper: sources,
    },
    {
      ...shared,
      displayName: 'nest11',
      globals: { NEST_MAJOR: 11 },
      testMatch: isFull || process.env.NEST_11 === 'all' ? ALL_OF_NEST_11 : CORE_OF_NEST_11,
      testPathIgnorePatterns: ['/node_modules/', ...(isFull ? [] : SAME_ON_NEST_11)],
      moduleNameMapper: {
        ...sources,
        // rxjs too: the library and Nest have to share one copy, as they do where it is installed.
        '^(@nestjs/.+|rxjs|rxjs/.+|reflect-metadata)$': '<rootDir>/test/nest11/node_modules/$1',
      },
    },
    {
      ...shared,
      displayName: 'instrumentation',
      testMatch: ['<rootDir>/test/instrumentation/**/*.spec.ts'],
      moduleNameMapper: sources,
    },
  ],
};
