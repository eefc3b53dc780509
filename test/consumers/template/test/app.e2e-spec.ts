import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import * as library from 'nestjs-sluice';
import { ManualClock } from 'nestjs-sluice/testing';
import { AppModule } from '../src/app.module.js';

describe('AppController (e2e)', () => {
  let app: INestApplication;

  beforeEach(async () => {
    const moduleFixture = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = moduleFixture.createNestApplication();
    await app.listen(0, '127.0.0.1');
  });

  it('limits requests', async () => {
    const url = await app.getUrl();
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await fetch(url)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('has the entry for tests in the same copy', () => {
    expect(ManualClock).toBe(library.ManualClock);
  });

  afterEach(async () => {
    await app.close();
  });
});
