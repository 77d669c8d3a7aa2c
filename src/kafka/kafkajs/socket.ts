/**
 * Connections to brokers that read each answer into one buffer. Node gives each piece of an answer a buffer of its own and kafkajs
 * puts the pieces together: with schemas, where an event is some kilobytes, that was a tenth of all processor time.
 */
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { connect as connectEncrypted } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';
import { allocateAnswer } from './answer-memory.ts';

const keepAliveMs = 60_000;
/** What begins an answer is read so far ahead; what is larger comes straight into its place. */
const aheadBytes = 64 * 1024;
/** Every message of Kafka's protocol begins with its length. */
const lengthBytes = 4;
/** A broker's own limit of a fetch is 55 MiB; whatever claims more than this is no broker. */
const maxMessageBytes = 1024 ** 3;

export const createSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  // kafkajs's types say that there always is one.
  const isEncrypted = Boolean(ssl);
  const socket = isEncrypted
    ? connectEncrypted({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
    : connectPlain(host, port, onConnect);
  socket.setKeepAlive(true, keepAliveMs);
  return socket;
};

function connectPlain(host: string, port: number, onConnect: () => void): Socket {
  const messages = createMessages((message) => socket.emit('data', message));
  const socket = connect(
    {
      host,
      port,
      onread: {
        buffer: messages.room,
        callback: (count) => {
          if (!messages.filled(count)) socket.destroy(new Error('this is no broker of Kafka'));
          return true;
        },
      },
    },
    onConnect,
  );
  return socket;
}

export interface Messages {
  /** Where the next bytes are to be put: into the message that is begun, or else where what begins one is read ahead. */
  room(): Uint8Array;
  /** So many bytes were put there; false if they cannot be of Kafka's protocol. */
  filled(count: number): boolean;
}

/** Whole messages, with their lengths before them, made of the pieces in which they arrive. */
export function createMessages(complete: (message: Buffer) => void): Messages {
  const ahead = Buffer.allocUnsafe(aheadBytes);
  const length = Buffer.alloc(lengthBytes);
  let lengthTaken = 0;
  let message: Buffer | undefined;
  let taken = 0;

  /** So much more of the message is there. */
  const advance = (into: Buffer, count: number): void => {
    taken += count;
    if (taken < into.length) return;
    message = undefined;
    lengthTaken = 0;
    complete(into);
  };

  /** Takes the bytes that were read ahead. */
  const take = (bytes: Uint8Array): boolean => {
    for (let at = 0; at < bytes.length;) {
      if (message !== undefined) {
        const part = bytes.subarray(at, at + message.length - taken);
        message.set(part, taken);
        at += part.length;
        advance(message, part.length);
        continue;
      }
      length[lengthTaken] = bytes[at] ?? 0;
      lengthTaken += 1;
      at += 1;
      if (lengthTaken < lengthBytes) continue;
      const size = length.readInt32BE(0);
      if (size < 0 || size > maxMessageBytes) return false;
      message = allocateAnswer(lengthBytes + size);
      message.set(length);
      taken = lengthBytes;
      if (size === 0) advance(message, 0);
    }
    return true;
  };

  return {
    room: () => message?.subarray(taken) ?? ahead,
    filled: (count) => {
      if (message === undefined) return take(ahead.subarray(0, count));
      advance(message, count);
      return true;
    },
  };
}
