/**
 * The connection to Kafka: brokers, TLS, SASL, codecs, and its log told through ours.
 */
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { Kafka } from 'kafkajs';
import type { Failure } from '../model/outcome.ts';
import { registerCodecs } from './kafkajs/codecs.ts';
import { installHooks } from './kafkajs/kafkajs-internals.ts';
import { createSocket } from './kafkajs/socket.ts';

export interface KafkaOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: KafkaSsl | undefined;
  readonly sasl?: KafkaSasl | undefined;
  readonly connectionTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** PEM texts. */
export interface KafkaSsl {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly rejectUnauthorized: boolean;
}

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** Takes lines of the client's log; they hold no record's bytes. */
export type KafkaLog = (level: 'error' | 'warn' | 'info' | 'debug', message: string) => void;

export function createKafka(options: KafkaOptions, log: KafkaLog): Kafka {
  registerCodecs();
  installHooks();
  const { ssl, sasl } = options;
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: options.connectionTimeoutMs,
    authenticationTimeout: options.connectionTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    retry: { initialRetryTime: 200, maxRetryTime: 5000, retries: 5 },
    socketFactory: createSocket,
    logLevel: kafkajs.logLevel.INFO,
    logCreator:
      () =>
      ({ namespace, log: { message } }) => {
        // It logs retries that succeed a moment later as errors; what an operator must know is told by us.
        log('debug', `${namespace}: ${message}`);
      },
    ...(ssl && { ssl: defined(ssl) }),
    ...(sasl && { sasl: saslOptions(sasl) }),
  };
  return new kafkajs.Kafka(config);
}

function defined(ssl: KafkaSsl): Exclude<KafkaConfig['ssl'], boolean | undefined> {
  return Object.fromEntries(Object.entries(ssl).filter(([, value]) => value !== undefined));
}

function saslOptions({ mechanism, username, password }: KafkaSasl): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}

/** By the name of kafkajs's error or the type of the broker's; all others mean that Kafka cannot be reached for now. */
const unauthorized: ReadonlySet<string> = new Set([
  'KafkaJSSASLAuthenticationError',
  'SASL_AUTHENTICATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
]);

/** What an error of the client means. */
export function kafkaFailure(error: unknown): Failure {
  const causes = causesOf(error);
  const denied = causes.find(
    ({ name, type }) => unauthorized.has(name) || (type !== undefined && unauthorized.has(type)),
  );
  if (denied !== undefined) return { code: 'KAFKA_UNAUTHORIZED', message: `Kafka refuses: ${denied.message}.` };
  return { code: 'KAFKA_UNREACHABLE', message: `Kafka: ${causes.at(-1)?.message ?? 'no reason given'}.` };
}

interface Cause {
  readonly name: string;
  readonly message: string;
  readonly type: string | undefined;
}

function causesOf(error: unknown): readonly Cause[] {
  const causes: Cause[] = [];
  for (let at = error; at instanceof Error && causes.length < 10; at = at.cause) {
    const type = 'type' in at && typeof at.type === 'string' ? at.type : undefined;
    causes.push({ name: at.name, message: at.message.replace(/\.+$/, ''), type });
  }
  return causes;
}
