import { describe, expect, it } from '@jest/globals';
import { ThrottleModule } from '../../src/index.js';
import { startupError } from '../support/application.js';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

const missing = 'Is an environment variable or a configuration value missing?';
const policies = { search: '30/min', upload: '100/min' };

describe('forFeature stops startup', () => {
  const place = 'ThrottleModule.forFeature';

  it.each<readonly [options: unknown, message: string]>([
    [undefined, `${place}: expected options { policies }, got undefined. ${missing}`],
    [Promise.resolve({}), `${place}: expected options { policies }, got an instance of Promise`],
    [{ policies: undefined }, `${place}: policies: expected an object of policies by name, got undefined. ${missing}`],
    [['5/min'], `${place}: expected options { policies }, got ["5/min"]`],
    [{}, `${place}: policies: expected an object of policies by name, got undefined`],
    [{ policies: ['5/min'] }, `${place}: policies: expected an object of policies by name, got ["5/min"]`],
    [{ polices: {} }, `${place}: there is no option "polices". Did you mean "policies"? Known: policies.`],
    [{ policies: {}, default: '5/min' }, `${place}: there is no option "default". Known: policies.`],
    [{ policies: { search: '5/min' } }, 'policies.search: two policies are named "search". Rename one of them.'],
    [{ policies: { site: '5/min' } }, 'policies.site: two policies are named "site". Rename one of them.'],
  ])('with %j', async (options, message) => {
    const root = { policies, default: { rate: '5000/min', name: 'site' } };
    const boot = () => ({ options: root, imports: [ThrottleModule.forFeature(untyped(options))] });
    expect(await startupError(boot)).toBe(message);
  });

  it('if two features have policies of the same name', async () => {
    const feature = () => ThrottleModule.forFeature({ policies: { mail: '5/min' } });
    expect(await startupError(() => ({ options: {}, imports: [feature(), feature()] }))).toBe(
      'policies.mail: two policies are named "mail". Rename one of them.',
    );
  });

  it('if there is no global forRoot', async () => {
    const message = `${place}: ThrottleModule.forRoot() is not imported. Import it in the root module, and leave it global there.`;
    const imports = [ThrottleModule.forFeature({ policies: { mail: '5/min' } })];
    expect(await startupError(() => ({ imports }))).toBe(message);
    expect(await startupError(() => ({ options: { isGlobal: false }, imports }))).toBe(message);
  });

  it('with the error of a mistake in forRoot, if there is one', async () => {
    const imports = [ThrottleModule.forFeature({ policies: { mail: '5/min' } })];
    expect(await startupError(() => ({ options: { policies: { login: '5/fortnight' } }, imports }))).toBe(
      'policies.login.rate: expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited", got "5/fortnight"',
    );
  });
});
