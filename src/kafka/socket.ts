/**
 * Connections to brokers that read into one buffer. Node gives each piece of an answer a buffer of its own and kafkajs puts
 * the pieces together: with schemas, where an event is some kilobytes, that was a tenth of all processor time.
 */
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { connect as connectEncrypted } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const keepAliveMs = 60_000;
const readBytes = 256 * 1024;
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
        buffer: Buffer.allocUnsafe(readBytes),
        callback: (count, buffer) => {
          if (!messages.take(buffer.subarray(0, count))) socket.destroy(new Error('this is no broker of Kafka'));
          return true;
        },
      },
    },
    onConnect,
  );
  return socket;
}

export interface Messages {
  /** Takes the next bytes, which are copied; false if they cannot be of Kafka's protocol. */
  take(bytes: Uint8Array): boolean;
}

/** Whole messages, with their lengths before them, made of the pieces in which they arrive. */
export function createMessages(complete: (message: Buffer) => void): Messages {
  const length = Buffer.alloc(lengthBytes);
  let lengthTaken = 0;
  let message: Buffer | undefined;
  let taken = 0;

  /** Takes what belongs to the message that is begun; how many bytes that is. */
  const fill = (bytes: Uint8Array, into: Buffer): number => {
    const part = bytes.subarray(0, into.length - taken);
    into.set(part, taken);
    taken += part.length;
    if (taken === into.length) {
      message = undefined;
      lengthTaken = 0;
      complete(into);
    }
    return part.length;
  };

  return {
    take: (bytes) => {
      for (let at = 0; at < bytes.length;) {
        if (message !== undefined) {
          at += fill(bytes.subarray(at), message);
          continue;
        }
        length[lengthTaken] = bytes[at] ?? 0;
        lengthTaken += 1;
        at += 1;
        if (lengthTaken < lengthBytes) continue;
        const size = length.readInt32BE(0);
        if (size < 0 || size > maxMessageBytes) return false;
        message = Buffer.allocUnsafe(lengthBytes + size);
        message.set(length);
        taken = lengthBytes;
        if (size === 0) fill(new Uint8Array(0), message);
      }
      return true;
    },
  };
}
