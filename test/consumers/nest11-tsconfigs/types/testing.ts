import { ManualClock } from 'nestjs-sluice/testing';

export const clock = new ManualClock();
