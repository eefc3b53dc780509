import type { MessagePacer } from './message-pacer.js';

/** The part of engine.io's polling transport in use. */
interface PollingTransport {
  readonly name: string;
  readonly protocol: number;
  readonly readyState: string;
  /** The response to the POST that is being handled. */
  readonly dataRes: { end(...args: unknown[]): unknown } | null;
  /** Handles the body of a POST: packets with a separator between them. */
  onData(payload: unknown): void;
  onError(reason: string): void;
}

/** Between packets, from version 4 of the protocol on. */
const SEPARATOR = '\x1e';

/**
 * Makes a polling transport handle as many packets per turn as its pacer allows: a client may post a megabyte of them
 * at once. The response to the POST is sent after all of its packets have been handled; before that, the client may not
 * send another.
 */
export function pacePayloads(transport: PollingTransport, pacer: MessagePacer): void {
  const handle = transport.onData.bind(transport);
  let isBusy = false;

  transport.onData = (payload) => {
    if (typeof payload !== 'string' || transport.protocol < 4) return handle(payload);
    // The transport itself fails like this if a client sends a POST before the response to the last one.
    if (isBusy) return transport.onError('data request overlap from client');
    let at = 0;
    const handleNext = () => {
      const end = endOfPackets(payload, at, pacer.perTurn);
      handle(payload.slice(at, end));
      at = end + 1;
    };
    handleNext();
    if (at > payload.length) return;
    isBusy = true;
    const respond = holdResponse(transport.dataRes);
    const goOn = () => {
      if (transport.readyState === 'open') handleNext();
      else at = payload.length + 1;
      if (at <= payload.length) {
        setImmediate(goOn);
        return;
      }
      isBusy = false;
      respond();
    };
    // The first immediate still runs in the turn in which the payload was read.
    setImmediate(() => setImmediate(goOn));
  };
}

/** Returns the index of the separator after a number of packets, or the length of the payload. */
function endOfPackets(payload: string, from: number, packets: number): number {
  let end = from - 1;
  for (let i = 0; i < packets; i++) {
    end = payload.indexOf(SEPARATOR, end + 1);
    if (end < 0) return payload.length;
  }
  return end;
}

/** Delays the end of a response until the returned function is called. */
function holdResponse(response: PollingTransport['dataRes']): () => void {
  if (response === null) return () => {};
  const end = response.end.bind(response);
  let held: readonly unknown[] | undefined;
  response.end = (...args) => {
    held = args;
    return response;
  };
  return () => {
    response.end = end;
    if (held !== undefined) end(...held);
  };
}

export function isPolling(transport: object): transport is PollingTransport {
  return (
    Reflect.get(transport, 'name') === 'polling' &&
    typeof Reflect.get(transport, 'onData') === 'function' &&
    typeof Reflect.get(transport, 'onError') === 'function'
  );
}
