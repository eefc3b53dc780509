import config from './jest.config.js';

const [sources] = config.projects;

/** What `npm run test:browser` runs: apart, since it needs a browser, and a minute of real time. */
/** @type {import('jest').Config} */
export default {
  ...sources,
  displayName: 'browser',
  testMatch: ['<rootDir>/test/browser/**/*.browser.ts'],
  reporters: config.reporters,
  // A person waits up to 10 seconds here, and so does the test; a loaded machine needs more.
  testTimeout: 300_000,
};
