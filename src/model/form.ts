/**
 * The forms in which rows come: what a value means that is no change event envelope, or is one inside something else.
 */

/**
 * - `auto`: envelope, CloudEvents and what shares a connector's prefix are told by their structure; flattened rows by what
 *   Debezium leaves on them (the name of their schema, `__deleted`, or the connector's headers). Anything else is unreadable.
 * - `envelope`: Debezium's change events as they are.
 * - `flattened`: rows by ExtractNewRecordState.
 * - `cloud-events`: envelopes by the CloudEvents converter, in structured mode.
 * - `outbox`: events by Debezium's outbox event router.
 * - `rows`: values that are rows and no change events, whoever wrote them; nothing of them is special.
 */
export const formNames = ['auto', 'envelope', 'flattened', 'cloud-events', 'outbox', 'rows'] as const;

export type FormName = (typeof formNames)[number];

export interface OutboxOptions {
  /** What names a document: the event's own id, from a header, or the aggregate's, which is the record's key. */
  readonly id: 'header' | 'key';
  /** The header that holds an event's id. */
  readonly idHeader: string;
  /** Fields that are made of headers: field → header. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * - `auto`: JSON, or plain text where a key is no JSON and the topic's other keys are not either.
 * - `json`: JSON, or a frame of a schema registry.
 * - `text`: the bytes as they are, also where they could be JSON.
 */
export const keyFormats = ['auto', 'json', 'text'] as const;

export type KeyFormat = (typeof keyFormats)[number];

/** Headers that list columns of flattened rows, by name. */
export interface PartialHeaders {
  /** Of the columns that an update changed. */
  readonly changed?: string | undefined;
  /** Of those that it did not, and that the row may lack. */
  readonly unchanged?: string | undefined;
}

export interface Form {
  readonly name: FormName;
  readonly outbox: OutboxOptions;
  /** What the keys are; `auto` if absent. */
  readonly key?: KeyFormat;
  /** For flattened rows that hold a part of their columns. */
  readonly partial?: PartialHeaders;
}

export const autoForm: Form = { name: 'auto', outbox: { id: 'header', idHeader: 'id', headers: {} } };
