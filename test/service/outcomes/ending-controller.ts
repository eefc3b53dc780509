import { Readable } from 'node:stream';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  ForbiddenException,
  Get,
  Inject,
  ParseIntPipe,
  Query,
  Res,
  Sse,
  StreamableFile,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { concat, from, map, Observable, of, throwError } from 'rxjs';
import { Throttle } from '../../../src/index.js';
import type { Gate } from './gate.js';

class RefusingGuard {
  canActivate(): boolean {
    throw new ForbiddenException();
  }
}

/** Answers every error with the status that the error is about. */
@Catch()
class StatusFilter implements ExceptionFilter {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  catch(error: Error, host: ArgumentsHost): void {
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), 'filtered', Number(error.message));
  }
}

async function* brokenChunks(): AsyncGenerator<string> {
  yield 'a';
  throw new Error('broken');
}

interface Reply {
  status(code: number): Reply;
  send(body: string): unknown;
}

/** A controller of handlers that end in every way that there is, at the path of a policy's name, and under it. */
export function endingController(path: string, gate: Gate): Type {
  @Throttle(path)
  @Controller(path)
  class EndingController {
    @Get('success')
    success(): string[] {
      return ['one', 'two'];
    }

    @Get('thrown-4xx')
    refuse(): never {
      throw new BadRequestException('no');
    }

    @Get('thrown-5xx')
    fail(): never {
      throw new Error('broken');
    }

    @Get('abort')
    async abort(): Promise<string> {
      await gate.wait(`/${path}/abort`);
      return 'nobody reads it';
    }

    @Get('stream')
    stream(): StreamableFile {
      return new StreamableFile(Readable.from(['a', 'b', 'c']));
    }

    /** Its first bytes have been sent before it fails. */
    @Get('broken-file')
    brokenFile(): StreamableFile {
      const file = new StreamableFile(Readable.from(brokenChunks()));
      return file.setErrorLogger(() => undefined);
    }

    @Get('early')
    async early(@Res() response: Reply): Promise<string[]> {
      response.status(202).send('early');
      await gate.wait(`/${path}/early`);
      return ['late'];
    }

    @Get('res')
    respond(@Res() response: Reply): void {
      setImmediate(() => response.status(409).send('conflict'));
    }

    @Sse('sse')
    events(): Observable<{ data: string }> {
      return from(['a', 'b']).pipe(map((data) => ({ data })));
    }

    /** The status has been sent before it fails. */
    @Sse('sse-failed')
    failedEvents(): Observable<{ data: string }> {
      return concat(
        of({ data: 'a' }),
        throwError(() => new Error('broken')),
      );
    }

    /** Never ends by itself. */
    @Sse('sse-abort')
    openEvents(): Observable<{ data: string }> {
      const name = `/${path}/sse-abort`;
      return new Observable((subscriber) => {
        gate.begun.push(name);
        subscriber.next({ data: 'a' });
        return () => gate.ended.push(name);
      });
    }

    @UseGuards(RefusingGuard)
    @Get('guard')
    guarded(): string {
      return 'never';
    }

    @Get('pipe')
    piped(@Query('count', ParseIntPipe) count: number): number {
      return count;
    }

    @UseFilters(StatusFilter)
    @Get('filter-200')
    filtered(): never {
      throw new Error('200');
    }

    @UseFilters(StatusFilter)
    @Get('filter-418')
    filteredFailure(): never {
      throw new Error('418');
    }
  }
  return EndingController;
}
