import { describe, expect, it } from '@jest/globals';
import { connectionSubject } from '../../../src/transports/identity/connection-subject.js';

describe('connectionSubject', () => {
  it('is the same for each message of a client, and different for each client', () => {
    const [first, second] = [{}, {}];
    expect(connectionSubject(first)).toBe(connectionSubject(first));
    expect(connectionSubject(first)).not.toBe(connectionSubject(second));
  });

  it('contains the process, so that two processes never have the same', () => {
    expect(connectionSubject({})).toMatch(/^conn:[\w-]{12}-\d+$/);
  });
});
