import { describe, expect, it } from '@jest/globals';
import { chainOf, methodsOf, ownerOf } from '../../src/planning/class-members.js';

abstract class Base {
  list(): void {}

  remove(): void {}

  get size(): number {
    return 0;
  }

  static create(): void {}
}

class Middle extends Base {
  override remove(): void {}
}

class Reports extends Middle {
  readonly bound = () => {};

  add(): void {}
}

describe('chainOf', () => {
  it('lists a class after those that it extends', () => {
    expect(chainOf(Reports)).toEqual([Base, Middle, Reports]);
    expect(chainOf(Base)).toEqual([Base]);
  });
});

describe('ownerOf', () => {
  it('finds the nearest class that defines a method', () => {
    expect(ownerOf(Reports, 'list')).toBe(Base);
    expect(ownerOf(Reports, 'remove')).toBe(Middle);
    expect(ownerOf(Reports, 'add')).toBe(Reports);
  });

  it('is the class itself for a method that no class defines', () => {
    expect(ownerOf(Reports, 'unknown')).toBe(Reports);
  });
});

describe('methodsOf', () => {
  it('lists methods of instances once, including inherited ones, without accessors, fields and statics', () => {
    expect(methodsOf(Reports)).toEqual(['list', 'remove', 'add']);
  });
});
