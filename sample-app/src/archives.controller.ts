import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import { CallSignal, Throttle } from 'nestjs-sluice';

const PAGES = 20;
const PAGE_MS = 100;

/**
 * An export that runs for two seconds: two per address at a time, and two more wait for up to five seconds. If the
 * client disconnects, it ends early and its permit is free for the next.
 */
@Controller('archives')
export class ArchivesController {
  @Throttle('archive')
  @Get()
  async create(@CallSignal() signal: AbortSignal) {
    let pages = 0;
    for (; pages < PAGES && !signal.aborted; pages++) await pause(PAGE_MS);
    return { pages };
  }
}
