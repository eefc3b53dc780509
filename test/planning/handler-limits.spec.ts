import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { type PolicyOptions, Throttle, type What } from '../../src/index.js';
import { limitHeaders } from '../support/header-fields.js';
import { adapters, startApp } from '../support/http-app.js';

@Controller('plain')
class PlainController {
  @Get('nothing') nothing() {}

  @Throttle('5/min') @Get('unnamed') unnamed() {}

  @Throttle('10/s; 200/hour') @Get('several') several() {}

  @Throttle('unlimited') @Get('unlimited') unlimited() {}

  @Throttle({ rate: '5/min', name: 'report' }) @Get('named') named() {}

  @Throttle({ rate: '10/s; 200/hour', name: 'report' }) @Get('named-several') namedSeveral() {}
}

@Throttle('50/min')
@Throttle({ rate: '9/s', name: 'burst' })
@Controller('classy')
class ClassyController {
  @Get('nothing') nothing() {}

  @Throttle('5/min') @Get('unnamed') unnamed() {}

  @Throttle('10/s; 200/hour') @Get('several') several() {}

  @Throttle('unlimited') @Get('unlimited') unlimited() {}

  @Throttle({ rate: '5/min', name: 'report' }) @Get('named') named() {}

  @Throttle({ rate: '3/s', name: 'burst' }) @Get('same-name') sameName() {}

  @Throttle({ rate: 'unlimited', name: 'burst' }) @Get('same-name-unlimited') sameNameUnlimited() {}

  @Throttle('search') @Get('by-name') byName() {}
}

@Throttle('10/s; 200/hour')
@Throttle('search')
@Controller('several')
class SeveralController {
  @Get('nothing') nothing() {}

  @Throttle('5/min') @Get('unnamed') unnamed() {}

  @Throttle('search') @Get('by-name') byName() {}
}

const hourly: PolicyOptions = { rate: '200/hour' };
const preset: What = ['10/s', [hourly, 'search']];

@Controller('forms')
class FormsController {
  @Throttle('10/s') @Throttle(hourly) @Throttle('search') @Get('stacked') stacked() {}

  @Throttle('search') @Throttle(hourly) @Throttle('10/s') @Get('stacked-again') stackedAgain() {}

  @Throttle(['200/hour', '10/s']) @Get('list') list() {}

  @Throttle([['10/s', ['search']], { rate: '3/s', name: 'burst' }]) @Get('nested') nested() {}

  @Throttle(preset) @Throttle({ rate: '3/s', name: 'burst' }) @Get('preset') preset() {}

  @Throttle('100 per 2 Hours') @Get('spelt') spelt() {}

  @Throttle('UNLIMITED') @Get('unlimited') unlimited() {}

  @Throttle(['unlimited', 'search']) @Get('unlimited-but-search') unlimitedButSearch() {}

  @Throttle('5/min', { name: 'report' }) @Get('options-beside') optionsBeside() {}

  @Throttle(hourly, { rate: '7/hour' }) @Get('preset-changed') presetChanged() {}

  @Throttle({ rate: '5/min', name: 'default' }) @Get('named-default') namedDefault() {}

  @Throttle({ rate: '5/min', strategy: 'token-bucket', burst: 10 }) @Get('bucket') bucket() {}
}

const controllers = [PlainController, ClassyController, SeveralController, FormsController];
const policies = { search: '30/min', upload: '100/min' };

describe.each(adapters)('limits over %s', (adapter) => {
  it.each([
    ['the default of the module where nothing is written', '/plain/nothing', '"default";q=1000;w=60'],
    ['the method over the default', '/plain/unnamed', '"default";q=5;w=60'],
    ['several of a method over the default', '/plain/several', '"default-1s";q=10;w=1, "default-1h";q=200;w=3600'],
    ['a named one beside the default', '/plain/named', '"default";q=1000;w=60, "report";q=5;w=60'],
    [
      'a named one of several rates beside the default',
      '/plain/named-several',
      '"default";q=1000;w=60, "report-1s";q=10;w=1, "report-1h";q=200;w=3600',
    ],
    ['the class over the default', '/classy/nothing', '"default";q=50;w=60, "burst";q=9;w=1'],
    ['the method over the class', '/classy/unnamed', '"burst";q=9;w=1, "default";q=5;w=60'],
    [
      'several of the method over the one of the class',
      '/classy/several',
      '"burst";q=9;w=1, "default-1s";q=10;w=1, "default-1h";q=200;w=3600',
    ],
    ['an unlimited method over the class', '/classy/unlimited', '"burst";q=9;w=1'],
    ['a named one beside the class', '/classy/named', '"default";q=50;w=60, "burst";q=9;w=1, "report";q=5;w=60'],
    ['the nearest of one name', '/classy/same-name', '"default";q=50;w=60, "burst";q=3;w=1'],
    ['no limit where the nearest of one name is unlimited', '/classy/same-name-unlimited', '"default";q=50;w=60'],
    [
      'a policy of the module beside the class',
      '/classy/by-name',
      '"default";q=50;w=60, "burst";q=9;w=1, "search";q=30;w=60',
    ],
    [
      'several of the class over the default',
      '/several/nothing',
      '"default-1s";q=10;w=1, "default-1h";q=200;w=3600, "search";q=30;w=60',
    ],
    ['one of the method over several of the class', '/several/unnamed', '"search";q=30;w=60, "default";q=5;w=60'],
    [
      'a policy of the module once, at the nearer place',
      '/several/by-name',
      '"default-1s";q=10;w=1, "default-1h";q=200;w=3600, "search";q=30;w=60',
    ],
  ])('are %s', async (_, path, expected) => {
    await using app = await startApp({ adapter, controllers, options: { default: '1000/min', policies } });
    expect((await app.send(path)).headers['ratelimit-policy']).toBe(expected);
  });

  it('are none for an unlimited method', async () => {
    await using app = await startApp({ adapter, controllers, options: { default: '1/min', policies } });
    expect(await app.statuses('/plain/unlimited', 3)).toEqual([200, 200, 200]);
    expect(limitHeaders(await app.send('/plain/unlimited'))).toEqual({});
  });

  it.each([
    ['stacked', '"default-1s";q=10;w=1, "default-1h";q=200;w=3600, "search";q=30;w=60'],
    ['stacked-again', '"search";q=30;w=60, "default-1h";q=200;w=3600, "default-1s";q=10;w=1'],
    ['list', '"default-1h";q=200;w=3600, "default-1s";q=10;w=1'],
    ['nested', '"default";q=10;w=1, "search";q=30;w=60, "burst";q=3;w=1'],
    ['preset', '"default-1s";q=10;w=1, "default-1h";q=200;w=3600, "search";q=30;w=60, "burst";q=3;w=1'],
    ['spelt', '"default";q=100;w=7200'],
    ['unlimited', undefined],
    ['unlimited-but-search', '"search";q=30;w=60'],
    ['options-beside', '"report";q=5;w=60'],
    ['preset-changed', '"default";q=7;w=3600'],
    ['named-default', '"default";q=5;w=60'],
    ['bucket', '"default";q=10;w=120'],
  ])('are charged in reading order: %s', async (path, expected) => {
    await using app = await startApp({ adapter, controllers: [FormsController], options: { policies } });
    expect((await app.send(`/forms/${path}`)).headers['ratelimit-policy']).toBe(expected);
  });

  it('start with the module’s: a named default applies in addition to all others', async () => {
    const options = { default: ['1000/min', { rate: '5000/hour', name: 'site' }], policies };
    await using app = await startApp({ adapter, controllers: [PlainController, SeveralController], options });
    const shown = async (path: string) => (await app.send(path)).headers['ratelimit-policy'];
    expect(await shown('/plain/nothing')).toBe('"default";q=1000;w=60, "site";q=5000;w=3600');
    expect(await shown('/plain/unnamed')).toBe('"site";q=5000;w=3600, "default";q=5;w=60');
    expect(await shown('/several/unnamed')).toBe('"site";q=5000;w=3600, "search";q=30;w=60, "default";q=5;w=60');
  });

  it('of a default with several rates are named by their periods', async () => {
    const shown = async (limit: string | string[]) => {
      await using app = await startApp({ adapter, controllers: [PlainController], options: { default: limit } });
      return (await app.send('/plain/nothing')).headers['ratelimit-policy'];
    };
    const several = '"default-1s";q=10;w=1, "default-1h";q=200;w=3600';
    expect(await shown(['10/s', '200/hour'])).toBe(several);
    expect(await shown('10/s; 200/hour')).toBe(several);
    expect(await shown(['10/s'])).toBe('"default";q=10;w=1');
  });
});
