/**
 * Which document a change is about: its id, and the shard that it lives in.
 *
 * The record's key is the authority. Where a mapping file names columns that the key does not have, they are taken from a row
 * image, which for a delete is `before`: under PostgreSQL's default replica identity that one holds invented values (zeros, empty
 * texts), so such values are refused there.
 */
import { conversionOf } from '../convert/types.ts';
import type { Convert, Row } from '../model/change-event.ts';
import type { Failure } from '../model/outcome.ts';
import type { DocumentDefinition } from './definition.ts';
import type { IdPart } from './document-id.ts';
import { documentId, idOf, textOf } from './document-id.ts';
import { maskedColumns } from './fields.ts';
import { maskingConversion } from './masking.ts';
import { planned } from './plan.ts';

export interface Identity {
  readonly id: string;
  readonly routing: string | undefined;
}

export interface Identify {
  /** `isBefore` says that the image is what a delete left, whose values may be invented; `topic` is that of the record. */
  (key: Row | null, image: Row | null, isBefore: boolean, topic: string): Identity | Failure;
  /** Whether a row's document may change its place without a change of the row's key. */
  readonly mayMove: boolean;
}

/** `hashKey` is the secret of the fields that are hashed. */
export function createIdentify(definition: DocumentDefinition, hashKey: string | undefined): Identify {
  const { id: options, routing } = definition;
  const masked = maskedColumns(definition);

  const convertOf = ({ schema }: Row, name: string): Convert | undefined => {
    const masking = masked.get(name);
    // What must not be read in a document must not be read in its id.
    if (masking !== undefined) return masking === 'hash' ? maskingConversion(masking, hashKey).convert : refuse;
    const column = schema?.columns.find((candidate) => candidate.name === name);
    return column && conversionOf(column).convert;
  };
  const plan = (row: Row) => ({ schema: row.schema, converts: row.columns.map((name) => convertOf(row, name)) });
  const keyPlan = planned(plan);
  const imagePlan = planned(plan);

  const partOf = (name: string, key: Row | null, image: Row | null, isBefore: boolean): IdPart => {
    const inKey = key?.columns.indexOf(name) ?? -1;
    if (key !== null && inKey !== -1) return { name, text: textOf(key, inKey, keyPlan(key).converts[inKey]) };
    const inImage = image?.columns.indexOf(name) ?? -1;
    if (image === null || inImage === -1) return { name, text: undefined };
    const text = textOf(image, inImage, imagePlan(image).converts[inImage]);
    return { name, text: isBefore && (text === null || invented.has(text ?? '')) ? undefined : text };
  };

  const identify = (key: Row | null, image: Row | null, isBefore: boolean, topic: string): Identity | Failure => {
    const id = options.topic === true ? idWithTopic(topic, key, image, isBefore) : idFrom(key, image, isBefore);
    if (typeof id !== 'string') return id;
    if (routing === undefined) return { id, routing };
    const { text } = partOf(routing, key, image, isBefore);
    return text === undefined || text === null || text === '' ? noValue(routing, isBefore) : { id, routing: text };
  };

  const idFrom = (key: Row | null, image: Row | null, isBefore: boolean): string | Failure => {
    if (options.from === undefined) {
      return key === null ? noKey : documentId(key, keyPlan(key).converts, options);
    }
    const parts = options.from.map((name) => partOf(name, key, image, isBefore));
    const absent = parts.find(({ text }) => text === undefined);
    return absent === undefined ? idOf(parts, options) : noValue(absent.name, isBefore);
  };

  /** Rows of two topics never share a document: the topic is one more part of the id. */
  const idWithTopic = (topic: string, key: Row | null, image: Row | null, isBefore: boolean): string | Failure => {
    const names = options.from ?? key?.columns;
    if (names === undefined) return noKey;
    const parts = names.map((name) => partOf(name, key, image, isBefore));
    // As without the topic: a row whose only key column is null has no id.
    const absent = parts.find(({ text }) => text === undefined || (text === null && parts.length === 1));
    if (absent !== undefined) return noValue(absent.name, isBefore);
    return idOf([{ name: 'topic', text: topic }, ...parts], options);
  };

  return Object.assign(identify, { mayMove: options.from !== undefined || routing !== undefined });
}

const refuse: Convert = () => undefined;

/** What PostgreSQL's connector puts into the columns of `before` that it does not know, where they may not be null. */
const invented: ReadonlySet<string> = new Set(['', '0', 'false', '0.0', '1970-01-01']);

const noKey: Failure = { code: 'RECORD_KEY_MISSING', message: 'The record has no key.' };

function noValue(name: string, isBefore: boolean): Failure {
  const where = isBefore ? 'The delete does not tell' : 'The record does not tell';
  const next = isBefore ? ' The table needs REPLICA IDENTITY FULL, for that column is not in its primary key.' : '';
  return { code: 'RECORD_KEY_MISSING', message: `${where} «${name}», by which its document is found.${next}` };
}
