/** The policies of an application: their names are declared once, here. */
export const policies = {
  search: '30/min',
  upload: { rate: '5/min', by: (call) => call.address },
} as const satisfies Record<string, import('nestjs-sluice').Limit>;

declare module 'nestjs-sluice' {
  interface PolicyNames extends Record<keyof typeof policies, true> {}
  interface StrategyNames {
    'coin-flip': true;
  }
}

// A second part of the application adds names of its own.
declare module 'nestjs-sluice' {
  interface PolicyNames {
    mail: true;
  }
}
