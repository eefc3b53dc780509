import { describe, expect, it } from '@jest/globals';
import { type AddressedClass, HandlerIdentities } from '../../src/planning/handler-identity.js';

class Reports {}
class Admin {}
const other = { Reports: class Reports {} };

/** Makes a class whose handlers have addresses. */
function addressed(
  type: AddressedClass['type'],
  handlers: Readonly<Record<string, readonly string[]>>,
  runsAll = false,
): AddressedClass {
  const toAddress = (text: string) => ({ text, runsAll });
  return {
    type,
    handlers: new Map(Object.entries(handlers).map(([method, texts]) => [method, texts.map(toAddress)])),
  };
}

describe('HandlerIdentities', () => {
  it('gives a handler its smallest address in code-unit order, and a class that of its handlers', () => {
    const identities = new HandlerIdentities([
      addressed(Reports, { list: ['GET /reports', 'GET /Reports', 'POST /a'], find: ['GET /papers/:id'] }),
    ]);
    expect(identities.of(Reports, 'list')).toEqual({ classId: 'GET /Reports', handlerId: 'GET /Reports' });
    expect(identities.of(Reports, 'find')).toEqual({ classId: 'GET /Reports', handlerId: 'GET /papers/:id' });
    expect(identities.shared).toEqual([]);
  });

  it.each([
    ['GET /b', 'GET /a'],
    ['GET /a', 'GET /Z'],
    ['GET /ä', 'GET /z'],
    ['POST /a', 'GET /b'],
    ['GET /a v=1', 'GET /a'],
    ['GET /\u{1f600}', 'GET /\u{e000}'].sort().reverse(),
  ])('does not depend on the order of addresses or the locale: %s, %s', (larger = '', smallest = '') => {
    for (const addresses of [
      [larger, smallest],
      [smallest, larger],
    ]) {
      const identities = new HandlerIdentities([addressed(Reports, { list: addresses })]);
      expect(identities.of(Reports, 'list').handlerId).toBe(smallest);
    }
  });

  it('gives routes of one address one identity, and reports that', () => {
    const identities = new HandlerIdentities([
      addressed(Reports, { list: ['GET /reports'], find: ['GET /reports/:id'] }),
      addressed(Admin, { all: ['GET /reports'], find: ['GET /reports/:id', 'GET /x'] }),
    ]);
    expect(identities.of(Admin, 'all')).toEqual(identities.of(Reports, 'list'));
    expect(identities.shared).toEqual([
      {
        level: 'handler',
        id: 'GET /reports',
        runsAll: false,
        owners: [expect.objectContaining({ type: Reports }), expect.objectContaining({ type: Admin })],
      },
      {
        level: 'handler',
        id: 'GET /reports/:id',
        runsAll: false,
        owners: [expect.objectContaining({ type: Reports }), expect.objectContaining({ type: Admin })],
      },
      { level: 'class', id: 'GET /reports', runsAll: false, owners: expect.any(Array) },
    ]);
  });

  it('distinguishes handlers of one socket address by their class, and within a class by their method', () => {
    const identities = new HandlerIdentities([
      addressed(Reports, { say: ['ws :0 / say'], again: ['ws :0 / say'], own: ['ws :0 / own'] }, true),
      addressed(Admin, { say: ['ws :0 / say'] }, true),
    ]);
    expect(identities.of(Admin, 'say')).toEqual({ classId: 'ws :0 / say', handlerId: 'ws :0 / say Admin' });
    expect(identities.of(Reports, 'say').handlerId).toBe('ws :0 / say Reports.say');
    expect(identities.of(Reports, 'again').handlerId).toBe('ws :0 / say Reports.again');
    expect(identities.of(Reports, 'own')).toEqual({ classId: 'ws :0 / own', handlerId: 'ws :0 / own' });
    expect(identities.shared).toEqual([]);
  });

  it('distinguishes classes of one smallest socket address by their names', () => {
    const identities = new HandlerIdentities([
      addressed(Reports, { say: ['ws :0 / say'] }, true),
      addressed(Admin, { say: ['ws :0 / say'] }, true),
    ]);
    expect(identities.of(Reports, 'say')).toEqual({ classId: 'ws :0 / say Reports', handlerId: 'ws :0 / say Reports' });
    expect(identities.of(Admin, 'say')).toEqual({ classId: 'ws :0 / say Admin', handlerId: 'ws :0 / say Admin' });
  });

  it('reports handlers of sockets that cannot be distinguished', () => {
    const identities = new HandlerIdentities([
      addressed(Reports, { say: ['ws :0 / say'] }, true),
      addressed(other.Reports, { say: ['ws :0 / say'] }, true),
    ]);
    expect(identities.shared.map(({ level, id, runsAll }) => [level, id, runsAll])).toEqual([
      ['handler', 'ws :0 / say Reports.say', true],
      ['class', 'ws :0 / say Reports', true],
    ]);
  });

  it('identifies handlers without an address by class and method, and numbers classes of one name', () => {
    const identities = new HandlerIdentities([addressed(Admin, { list: ['GET /admin'], none: [] })]);
    expect(identities.of(Reports, 'handle')).toEqual({ classId: 'Reports', handlerId: 'Reports #handle' });
    expect(identities.of(Reports, 'other')).toEqual({ classId: 'Reports', handlerId: 'Reports #other' });
    expect(identities.of(other.Reports, 'handle').classId).toBe('Reports#2');
    expect(identities.of(Admin, 'none')).toEqual({ classId: 'GET /admin', handlerId: 'GET /admin #none' });
  });
});
