import { describe, expect, it } from '@jest/globals';
import { OpenFile } from './language-service.js';

const DECLARED = `
import { definePolicy, SkipThrottle, Throttle, ThrottleModule, type ThrottleService } from 'nestjs-sluice';
declare module 'nestjs-sluice' {
  interface PolicyNames { search: true; upload: true }
  interface StrategyNames { 'coin-flip': true }
}
declare const service: ThrottleService;
`;

describe('an editor, with declared policy names', () => {
  const file = new OpenFile(`${DECLARED}
    Throttle('');
    Throttle(['5/min', '']);
    Throttle('search', { id: '' });
    class Reports { @Throttle('') list() {} }
    SkipThrottle('');
    service.hit('');
    service.consume('', 2);
    Throttle({ rate: '5/min', strategy: '' });
    Throttle('5');
    ThrottleModule.forRoot({ policies: { search: { rate: '20/min' } } });
    ThrottleModule.forRoot({ policies: { search: '5/min',  } });
    ThrottleModule.forRoot({ default: '5/min',  });
    Throttle({  });
    Throttle([{  }]);
    Throttle({ connections: {  } });
    definePolicy('search', {  });
    ThrottleModule.forRoot({ default: {  } });
    ThrottleModule.forRoot({ default: [{  }] });
    ThrottleModule.forRoot({ policies: { upload: {  } } });
    ThrottleModule.forRoot({ sockets: { frames: {  } } });
    ThrottleModule.forRootAsync({ useFactory: () => ({ onError: 'deny', default: {  } }) });
  `);

  it.each(["Throttle('", "@Throttle('"])('offers them at %s', (marker) => {
    expect(file.completionsBehind(marker)).toEqual(['search', 'upload']);
  });

  it('offers them in a list', () => {
    expect(file.completionsBehind("Throttle(['5/min', '")).toEqual(['search', 'upload']);
  });

  it.each(["SkipThrottle('", "service.hit('", "service.consume('"])('offers them and "default" at %s', (marker) => {
    expect(file.completionsBehind(marker)).toEqual(['default', 'search', 'upload']);
  });

  it('offers built-in and custom strategies', () => {
    expect(file.completionsBehind("strategy: '")).toEqual([
      'calendar',
      'coin-flip',
      'fixed-window',
      'gcra',
      'leaky-bucket',
      'sliding-log',
      'sliding-window',
      'token-bucket',
    ]);
  });

  it('offers units after a count', () => {
    expect(file.completionsBehind("Throttle('5")).toEqual(['5/day', '5/hour', '5/min', '5/s']);
  });

  const QUOTA = ['anchor', 'rollover', 'thresholds', 'timeZone'];
  const SPEC = [
    'block',
    'burst',
    'headers',
    'lease',
    'onError',
    'rate',
    'scope',
    'segments',
    'strategy',
    'unit',
    ...QUOTA,
  ];
  const USE = [
    'by',
    'concurrency',
    'chargeWhen',
    'context',
    'cost',
    'id',
    'manual',
    'message',
    'mode',
    'name',
    'onDenied',
    'phase',
    'skip',
    'overrides',
  ];
  it.each([
    ["definePolicy('search', { ", SPEC],
    ['Throttle({  ', [...SPEC, ...USE, 'connections']],
    ['Throttle([{ ', [...SPEC, ...USE, 'connections']],
    ['connections: { ', [...SPEC, ...USE]],
    ['forRoot({ default: { ', [...SPEC, ...USE]],
    ['forRoot({ default: [{ ', [...SPEC, ...USE]],
    ['policies: { upload: { ', [...SPEC, ...USE, 'budget', 'carryDebt', 'onExpiry']],
    ['frames: { ', [...SPEC, ...USE]],
    ["onError: 'deny', default: { ", [...SPEC, ...USE]],
  ])('offers the options of a limit, and no members of strings, at %s', (marker, options) => {
    expect(file.completionsBehind(marker)).toEqual([...options].sort());
  });

  it('offers policies that are not configured yet', () => {
    expect(file.completionsBehind("policies: { search: '5/min', ")).toEqual(['upload']);
  });

  it('offers the options of the module', () => {
    expect(file.completionsBehind("default: '5/min', ")).toEqual(
      expect.arrayContaining(['backend', 'guard', 'onError', 'policies', 'sockets']),
    );
  });
});

describe("the compiler's message", () => {
  const mistakes = {
    "Throttle('serach');":
      'Argument of type \'"serach"\' is not assignable to parameter of type \'"search" | "upload"\'.',
    "service.stat('serach');":
      "Argument of type '\"serach\"' is not assignable to parameter of type 'LimitName | Policy | undefined'.",
    "Throttle('5/fortnight');":
      'Argument of type \'"5/fortnight"\' is not assignable to parameter of type \'"5/s" | "5/min" | "5/hour" | "5/day"\'.',
    "Throttle({ rate: '5/mim' });":
      'Type \'"5/mim"\' is not assignable to type \'"5/s" | "5/min" | "5/hour" | "5/day"\'. Did you mean \'"5/min"\'?',
    "Throttle({ rate: '5/min', strategy: 'token_bucket' });":
      "Type '\"token_bucket\"' is not assignable to type 'StrategyName'. Did you mean '\"token-bucket\"'?",
    "Throttle({ rate: '5/min', burst: 5 });":
      "Type 'number' is not assignable to type '\"sliding-window has no burst\"'.",
    "Throttle('5/min', -1);":
      "Argument of type '-1' is not assignable to parameter of type '\"a whole number, at least 1\"'.",
    "Throttle({ rate: '5/min', cost: 0 });":
      "Type 'number' is not assignable to type '\"a whole number, at least 1\"'.",
    "Throttle('5/min', { cost: 1.5 });": "Type 'number' is not assignable to type '\"a whole number, at least 1\"'.",
    "definePolicy('a', { rate: '5/min', strategy: 'gcra', burst: -5 });":
      "Type 'number' is not assignable to type '\"a whole number, at least 1\"'.",
    "ThrottleModule.forRoot({ policies: { search: { rate: '5/min', segments: 0 } } });":
      "Type 'number' is not assignable to type '\"a whole number, at least 1\"'.",
    'ThrottleModule.forRoot({ default: process.env.RATE });':
      "Type 'string | undefined' is not assignable to type 'Limit | readonly Limit[]'.",
    "ThrottleModule.forRoot({ defualt: '5/min' });": "Did you mean to write 'default'?",
  };
  const line = DECLARED.split('\n').length;
  const messages = new OpenFile(`${DECLARED}\n${Object.keys(mistakes).join('\n')}`).messages();

  it.each(Object.entries(mistakes))('for %s reports what is expected', (mistake, message) => {
    expect(messages.get(line + 1 + Object.keys(mistakes).indexOf(mistake))).toContain(message);
  });
});
