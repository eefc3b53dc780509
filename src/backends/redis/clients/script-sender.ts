import type { RedisClient } from './redis-client.js';

/**
 * Sends a run of a script: by its hash (EVALSHA) or in full (EVAL). Resolves with the reply, strings in it as bytes.
 */
export type ScriptSender = (
  command: 'evalsha' | 'eval',
  script: string,
  keys: readonly string[],
  args: readonly string[],
) => Promise<unknown>;

/** The part of an ioredis command in use. */
interface Command {
  readonly promise: Promise<unknown>;
  /** Returns what is written to the socket. */
  toWritable(): unknown;
}

type CommandClass = new (name: string, args: readonly string[], options: object) => Command;

/** Options with which a client sends something other than the arguments, or does more for each command. */
const OTHER_OPTIONS = ['keyPrefix', 'showFriendlyErrorStack'];

/**
 * Returns the fastest way to run scripts with a client: each command as one string that is encoded here. In ioredis,
 * encoding an array of arguments takes a sixth of the CPU of a call with many others in flight, and a tenth of the
 * latency of a single one. A client that would encode differently gets the arguments: a Cluster, which needs the keys,
 * a client with other options, or another version.
 */
export function scriptSender(client: RedisClient): ScriptSender {
  const plain: ScriptSender = (command, script, keys, args) =>
    client.callBuffer(command, script, keys.length, ...keys, ...args);
  const TextCommand = textCommandOf(client);
  if (TextCommand === undefined) return plain;
  return (name, script, keys, args) => {
    const text = textOf(name, script, keys, args);
    // The lengths in it are those of ASCII.
    if (Buffer.byteLength(text) !== text.length) return plain(name, script, keys, args);
    const command = new TextCommand(name, text);
    Reflect.get(client, 'sendCommand').call(client, command);
    return command.promise;
  };
}

/** A run with which the encoding of a client is checked. No server has such a script. */
const SAMPLE: Parameters<ScriptSender> = ['evalsha', 'sha', ['a key', ''], ['an argument', '\0']];

/** Returns the class of commands that are sent as one string; undefined if the client would encode them differently. */
function textCommandOf(client: RedisClient): (new (name: string, text: string) => Command) | undefined {
  const { isCluster, options = {} } = client;
  if (isCluster === true || typeof Reflect.get(client, 'sendCommand') !== 'function') return undefined;
  if (OTHER_OPTIONS.some((option) => Boolean(Reflect.get(options, option)))) return undefined;
  try {
    const sample = sampleOf(client);
    const ClientCommand = sample?.constructor;
    if (sample?.toWritable() !== textOf(...SAMPLE) || !isCommandClass(ClientCommand)) return undefined;
    return class extends ClientCommand {
      constructor(
        name: string,
        private readonly text: string,
      ) {
        super(name, [], { replyEncoding: null });
      }

      override toWritable(): string {
        return this.text;
      }
    };
  } catch {
    return undefined;
  }
}

/**
 * Returns the command that a client would send. It comes from the client, because a process may have two copies of
 * ioredis.
 */
function sampleOf(client: RedisClient): Command | undefined {
  let sent: unknown;
  const sendCommand = (command: unknown) => {
    sent = command;
    return Promise.resolve();
  };
  const recorder: RedisClient = Object.create(client, {
    sendCommand: { value: sendCommand },
    options: { value: { ...client.options, enableAutoPipelining: false } },
  });
  const [command, script, keys, args] = SAMPLE;
  // A proxy of a client may send it all the same.
  recorder.callBuffer(command, script, keys.length, ...keys, ...args).catch(() => undefined);
  return isCommand(sent) ? sent : undefined;
}

function isCommand(value: unknown): value is Command {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'toWritable') === 'function' &&
    Reflect.get(value, 'promise') instanceof Promise
  );
}

function isCommandClass(value: unknown): value is CommandClass {
  return typeof value === 'function';
}

/** The end of one part of a command and the beginning of the next, by the length of the latter. */
const BETWEEN = Array.from({ length: 256 }, (_, length) => `\r\n$${length}\r\n`);

/** Returns a command as it is written to the socket. Joins a list, because each concatenation would make a string. */
function textOf(...[command, script, keys, args]: Parameters<ScriptSender>): string {
  const parts = [`*${3 + keys.length + args.length}`];
  const add = (part: string) => parts.push(BETWEEN[part.length] ?? `\r\n$${part.length}\r\n`, part);
  add(command);
  add(script);
  add(String(keys.length));
  for (const key of keys) add(key);
  for (const arg of args) add(arg);
  parts.push('\r\n');
  return parts.join('');
}
