/** @type {import('jest').Config} */
export default {
  // Of two cores Jest would leave one idle.
  maxWorkers: '100%',
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
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
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', '^nestjs-sluice$': '<rootDir>/src/index.ts' },
  reporters: ['default', '<rootDir>/scripts/closing-line.mjs'],
};
