import { describe, expect, it } from '@jest/globals';
import { canonicalPath } from '../../../src/transports/identity/request-path.js';

describe('canonicalPath', () => {
  it.each([
    ['/reports', '/reports'],
    ['/Reports/ALL', '/reports/all'],
    ['/reports/', '/reports'],
    ['//reports///all//', '/reports/all'],
    ['/reports\\all', '/reports/all'],
    ['/reports?page=1', '/reports'],
    ['/reports#top', '/reports'],
    ['/reports/?', '/reports'],
    ['/%72eports', '/reports'],
    ['/reports%2Fall', '/reports/all'],
    ['/reports/%zz', '/reports/%zz'],
    ['http://a.example:80/reports', '/reports'],
    ['http://a.example?page=1', ''],
    ['/', '/'],
    ['', ''],
  ])('turns %j into %j', (url, path) => {
    expect(canonicalPath({ url })).toBe(path);
  });

  it('prefers originalUrl, which middleware does not change', () => {
    expect(canonicalPath({ url: '/all', originalUrl: '/reports/all' })).toBe('/reports/all');
    expect(canonicalPath({ url: '/all', originalUrl: 42 })).toBe('/all');
  });

  it('is empty for a request without a URL', () => {
    expect(canonicalPath({})).toBe('');
  });
});
