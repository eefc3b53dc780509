import http from 'node:http';
import {
  type INestApplication,
  type LoggerService,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
  type Type,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  ManualClock,
  MemoryBackend,
  ThrottleConfigError,
  ThrottleModule,
  type ThrottleModuleExtras,
  type ThrottleModuleOptions,
} from '../../src/index.js';
import { partitionKeysIn, withoutPartitionKeys } from './header-fields.js';
import { PATIENT_FUNCTION_TIMEOUT_MS, START } from './start-time.js';

export const adapters = ['express', 'fastify'] as const;
export type AdapterName = (typeof adapters)[number];

/** The response that a client received. */
export interface Answer {
  readonly status: number;
  /** The headers, without the partition keys in `RateLimit-Policy`, which depend on the subject. */
  readonly headers: http.IncomingHttpHeaders;
  /** The partition keys, by policy. */
  readonly partitionKeys: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly body: Record<string, unknown>;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export interface AppOptions {
  readonly adapter: AdapterName;
  readonly controllers?: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly options?: ThrottleModuleOptions & ThrottleModuleExtras;
  /** Options of the adapter. */
  readonly fastify?: ConstructorParameters<typeof FastifyAdapter>[0];
  readonly prepare?: (app: INestApplication) => void;
  /** The option `instrument` of Nest. */
  readonly instrument?: NonNullable<NestApplicationOptions['instrument']>;
  /** Collects the warnings of the application. */
  readonly warnings?: string[];
  /** Collects the messages of errors with a 500 response. */
  readonly errors?: string[];
}

/** A real application on a real port of the loopback, on a clock that tests move. */
export class TestApp {
  constructor(
    readonly app: INestApplication,
    readonly clock: ManualClock,
    readonly port: number,
  ) {}

  /** Sends a request with an unchanged path, which most clients would normalise. */
  async send(path: string, { method = 'GET', headers = {}, body, signal }: RequestOptions = {}): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const sent =
      payload === undefined
        ? headers
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload), ...headers };
    return new Promise((resolve, reject) => {
      const request = http.request({
        host: '127.0.0.1',
        port: this.port,
        path,
        method,
        headers: sent,
        agent: false,
        ...(signal && { signal }),
      });
      request.on('error', reject).on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('error', reject);
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: withoutPartitionKeys(response.headers),
            partitionKeys: partitionKeysIn(response.headers),
            text,
            body: parse(text),
          }),
        );
      });
      request.end(payload);
    });
  }

  /** Sends a number of requests, one after another, and returns their statuses. */
  async statuses(path: string, count: number, options?: RequestOptions): Promise<number[]> {
    const statuses: number[] = [];
    for (let i = 0; i < count; i++) statuses.push((await this.send(path, options)).status);
    return statuses;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
  }
}

/** Loads only the requested adapter, because most suites use one of the two. */
export async function adapterOf(name: AdapterName, fastify?: AppOptions['fastify']): Promise<AbstractHttpAdapter> {
  if (name === 'fastify') return new (await import('@nestjs/platform-fastify')).FastifyAdapter(fastify);
  return new (await import('@nestjs/platform-express')).ExpressAdapter();
}

export async function startApp({
  adapter,
  controllers = [],
  providers = [],
  imports = [],
  options,
  fastify,
  prepare,
  instrument,
  warnings,
  errors,
}: AppOptions): Promise<TestApp> {
  const clock = new ManualClock(START);
  const throttle = ThrottleModule.forRoot({
    backend: new MemoryBackend({ clock }),
    functionTimeoutMs: PATIENT_FUNCTION_TIMEOUT_MS,
    ...options,
  });

  @Module({ imports: [throttle, ...imports], controllers, providers })
  class AppModule {}

  const app = await NestFactory.create(AppModule, await adapterOf(adapter, fastify), {
    logger: warnings === undefined && errors === undefined ? false : logInto(warnings, errors),
    abortOnError: false,
    ...(instrument && { instrument }),
  });
  try {
    prepare?.(app);
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.getHttpServer().address();
  return new TestApp(app, clock, port);
}

function logInto(warnings: string[] = [], errors: string[] = []): LoggerService {
  return {
    log: () => {},
    error: (error: unknown) => errors.push(textOf(error)),
    warn: (message: string) => warnings.push(message),
  };
}

/** The message of an error; of a configuration error its problem, without the code and the address. */
function textOf(error: unknown): string {
  if (error instanceof ThrottleConfigError) return error.problem;
  return error instanceof Error ? error.message : String(error);
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
