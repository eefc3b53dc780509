import assert from 'node:assert/strict';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as sluice from 'nestjs-sluice';
import { LegacyController, sluice as legacy } from './legacy.cjs';

// In a bundle, too, there are both builds, and what they share is not dropped as unused.
const client = {};
const [subject, legacySubject] = [sluice, legacy].map(({ by }) => by.connection()({ type: 'ws', context: {}, client }));
assert.notEqual(sluice.ThrottleService, legacy.ThrottleService);
assert.equal(sluice.EXEMPT as symbol, legacy.EXEMPT);
assert.equal(subject, legacySubject);
assert.ok(new legacy.ThrottleConfigError('SLUICE_NO_CALL', '') instanceof sluice.ThrottleConfigError);

@Module({ imports: [sluice.ThrottleModule.forRoot({ default: '1000/min' })], controllers: [LegacyController] })
class AppModule {}

const app = await NestFactory.create(AppModule);
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
console.log(`${await app.getUrl()}/legacy/limited`);
