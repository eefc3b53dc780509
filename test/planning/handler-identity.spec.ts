import { describe, expect, it } from '@jest/globals';
import { HandlerNames } from '../../src/planning/handler-identity.js';

class Reports {}

describe('HandlerNames', () => {
  it('names a class by its module, and a handler by its class and method', () => {
    const names = new HandlerNames();
    const classId = names.classId(Reports, 'AppModule');
    expect(classId).toBe('AppModule/Reports');
    expect(names.identity(classId, 'list')).toEqual({ classId, handlerId: 'AppModule/Reports/list' });
  });

  it('numbers equal names', () => {
    const names = new HandlerNames();
    expect(names.classId(Reports, 'AppModule')).toBe('AppModule/Reports');
    expect(names.classId(Reports, 'AppModule')).toBe('AppModule/Reports#2');
    expect(names.classId(Reports, 'AppModule')).toBe('AppModule/Reports#3');
    expect(names.classId(Reports, 'AdminModule')).toBe('AdminModule/Reports');
  });
});
