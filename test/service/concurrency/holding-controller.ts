import { Readable } from 'node:stream';
import {
  BadRequestException,
  type CallHandler,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  ParseIntPipe,
  Query,
  Res,
  Sse,
  StreamableFile,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { from, map, NEVER, type Observable, of, startWith, timeout } from 'rxjs';
import { CallSignal, Throttle } from '../../../src/index.js';
import type { Gate } from '../outcomes/gate.js';

class RefusingGuard {
  canActivate(): boolean {
    throw new ForbiddenException();
  }
}

/** Answers without the handler. */
class AnsweringInterceptor {
  intercept(): Observable<string> {
    return of('cached');
  }
}

/** Leaves the handler at once. */
class ImpatientInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(timeout({ first: 1, with: () => of('too slow') }));
  }
}

interface Reply {
  status(code: number): Reply;
  send(body: string): unknown;
}

/** How many handlers run, and the most that ever did at a time. */
export class Running {
  now = 0;
  most = 0;
  signals: AbortSignal[] = [];

  begin(): void {
    this.now += 1;
    this.most = Math.max(this.most, this.now);
  }

  end(): void {
    this.now -= 1;
  }
}

/** A controller of handlers that end in every way that there is. */
export function holdingController(policy: string, gate: Gate, running: Running): Type {
  @Throttle(policy)
  @Controller(policy)
  class HoldingController {
    @Get('value')
    value(): string {
      return 'value';
    }

    @Get('thrown')
    thrown(): never {
      throw new BadRequestException('no');
    }

    @Get('rejected')
    async rejected(): Promise<never> {
      throw new Error('broken');
    }

    @Get('observable')
    observable(): Observable<string> {
      return from(['a', 'b']);
    }

    @Get('stream')
    stream(): StreamableFile {
      return new StreamableFile(Readable.from(['a', 'b', 'c']));
    }

    @Get('res')
    respond(@Res() response: Reply): void {
      setImmediate(() => response.status(200).send('by hand'));
    }

    @Sse('sse')
    events(): Observable<{ data: string }> {
      return from(['a', 'b']).pipe(map((data) => ({ data })));
    }

    @Sse('endless')
    endless(): Observable<{ data: string }> {
      return NEVER.pipe(startWith({ data: 'first' }));
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

    @UseInterceptors(AnsweringInterceptor)
    @Get('cached')
    cached(): string {
      return 'never';
    }

    @UseInterceptors(ImpatientInterceptor)
    @Get('left')
    async left(): Promise<string> {
      await gate.wait('left');
      return 'nobody reads it';
    }

    @Get('wait')
    async wait(@Query('name') name: string, @CallSignal() signal: AbortSignal): Promise<string> {
      running.signals.push(signal);
      running.begin();
      await gate.wait(name);
      running.end();
      return name;
    }

    @Get('early')
    async early(@Res() response: Reply): Promise<void> {
      response.status(202).send('early');
      await gate.wait('early');
    }
  }
  return HoldingController;
}
