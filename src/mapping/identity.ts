/**
 * Which document a change is about: its id, and the shard that it lives in.
 *
 * The record's key is the authority, unless it is a delete's and may be invented (`key-doubts.ts`). Where a mapping file names
 * columns that the key does not have, they are taken from a row image, which for a delete is `before`: under PostgreSQL's default
 * replica identity that one holds invented values (zeros, empty texts), so such values are refused there.
 */
import type { Convert, Origin, Row } from '../model/change-event.ts';
import type { Failure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import type { DocumentDefinition } from './definition.ts';
import type { IdPart } from './document-id.ts';
import { documentId, idOf, partsOf, textOf } from './document-id.ts';
import { maskedColumns } from './fields.ts';
import { keyConversionOf } from './key-conversion.ts';
import { createKeyDoubts } from './key-doubts.ts';
import { maskingConversion } from './masking.ts';
import { planned } from './plan.ts';
import { connectorOf, isWholeRow, mayBeInvented, partialConnectors } from './whole-row.ts';

export interface Identity {
  readonly id: string;
  readonly routing: string | undefined;
}

/** The record of a change, and who wrote it. */
interface Source {
  readonly record: SourceRecord;
  readonly origin: Origin;
}

export interface Identify {
  /** `isBefore` says that the image is what a delete left, whose values may be invented; `change` is what it is of. */
  (key: Row | null, image: Row | null, isBefore: boolean, change: Source): Identity | Failure;
  /** Where the document of an update was before it, by the row that the update replaced. */
  formerOf(key: Row | null, before: Row, change: Source): Identity | Failure;
  /** The columns that say where a row's document is, and are not in its key: with them it may move while its key stays. */
  beyondKey(key: Row | null): readonly string[];
  /** Whether a row's document may change its place without a change of the row's key. */
  readonly mayMove: boolean;
}

/** `hashKey` is the secret of the fields that are hashed. */
export function createIdentify(definition: DocumentDefinition, hashKey: string | undefined): Identify {
  const { id: options, routing } = definition;
  const isTrusted = options.deletesCarryKey === true;
  const masked = maskedColumns(definition);

  const convertOf = ({ schema }: Row, name: string): Convert | undefined => {
    const masking = masked.get(name);
    // What must not be read in a document must not be read in its id.
    if (masking !== undefined) return masking === 'hash' ? maskingConversion(masking, hashKey).convert : refuse;
    const column = schema?.columns.find((candidate) => candidate.name === name);
    return column && keyConversionOf(column);
  };
  const plan = (row: Row) => ({ schema: row.schema, converts: row.columns.map((name) => convertOf(row, name)) });
  const keyPlan = planned(plan);
  const imagePlan = planned(plan);
  const doubts = createKeyDoubts(isTrusted);

  const partOf = (name: string, key: Row | null, image: Row | null, isBefore: boolean, change: Source): IdPart => {
    const inKey = key?.columns.indexOf(name) ?? -1;
    if (key !== null && inKey !== -1) return { name, text: textOf(key, inKey, keyPlan(key).converts[inKey]) };
    const inImage = image?.columns.indexOf(name) ?? -1;
    if (image === null || inImage === -1) return { name, text: undefined };
    const text = textOf(image, inImage, imagePlan(image).converts[inImage]);
    const isUnknown = isBefore && !isTrusted && mayBeInvented(text, name, image);
    return {
      name,
      text: isUnknown && !isWholeRow(image, new Set(key?.columns), connectorOf(change)) ? undefined : text,
    };
  };

  const identify = (key: Row | null, image: Row | null, isBefore: boolean, change: Source): Identity | Failure => {
    const id = idFrom(key, image, isBefore, change);
    if (typeof id !== 'string') return id;
    if (routing === undefined) return { id, routing };
    const { text } = partOf(routing, key, image, isBefore, change);
    return text === undefined ? noValue(routing, image, isBefore, change) : { id, routing: shardOf(text) };
  };

  const idFrom = (key: Row | null, image: Row | null, isBefore: boolean, change: Source): string | Failure => {
    // The way of nearly every record: no list is made for it.
    const isPlain = options.from === undefined && options.topic !== true && !isBefore;
    if (isPlain && key !== null) return documentId(key, keyPlan(key).converts, options, doubts.met);
    const parts = partsFrom(key, image, isBefore, change);
    if ('code' in parts) return parts;
    if (options.topic !== true) return idOf(parts, options);
    // As without the topic: a row whose only key column is null has no id.
    const [only] = parts;
    if (parts.length === 1 && only?.text === null) return noValue(only.name, image, isBefore, change);
    // Rows of two topics never share a document: the topic is one more part of the id.
    return idOf([{ name: 'topic', text: change.record.topic }, ...parts], options);
  };

  /** The columns that name the row's document. */
  const partsFrom = (
    key: Row | null,
    image: Row | null,
    isBefore: boolean,
    change: Source,
  ): readonly IdPart[] | Failure => {
    const { from } = options;
    const isNeeded = isBefore || from === undefined;
    const inKey = key === null || !isNeeded ? [] : partsOf(key, keyPlan(key).converts);
    if (isBefore) {
      const doubtful = doubts.doubtful(inKey, image, change.record);
      if (doubtful !== undefined && from?.includes(doubtful) !== false) return doubted(doubtful);
    }
    if (from === undefined && key === null) return noKey;
    const parts = from?.map((name) => partOf(name, key, image, isBefore, change)) ?? inKey;
    const absent = parts.find(({ text }) => text === undefined);
    if (absent !== undefined) return noValue(absent.name, image, isBefore, change);
    if (!isBefore) for (const { name, text } of parts) doubts.met(name, text);
    return parts;
  };

  const formerOf: Identify['formerOf'] = (key, before, change) => {
    // A key that changes is a delete and an insert, so an id that is made of it is the same as before.
    const id = idFrom(options.from === undefined ? key : null, before, false, change);
    if (typeof id !== 'string') return id;
    if (routing === undefined) return { id, routing };
    const { text } = partOf(routing, before.columns.includes(routing) ? null : key, before, false, change);
    return text === undefined ? noValue(routing, before, true, change) : { id, routing: shardOf(text) };
  };

  const placing = [...(options.from ?? []), ...(routing === undefined ? [] : [routing])];
  return Object.assign(identify, {
    formerOf,
    beyondKey: (key: Row | null) => placing.filter((name) => key?.columns.includes(name) !== true),
    mayMove: placing.length > 0,
  });
}

/** A row without a value to be routed by is where it would be without routing: in the shard of its id. */
const shardOf = (text: string | null): string | undefined => (text === null || text === '' ? undefined : text);

const refuse: Convert = () => undefined;

const noKey: Failure = { code: 'RECORD_KEY_MISSING', message: 'The record has no key.' };

function noValue(name: string, image: Row | null, isBefore: boolean, change: Source): Failure {
  if (isBefore && image?.columns.includes(name) === true) return unproven(name);
  const where = isBefore ? 'The delete does not tell' : 'The record does not tell';
  const called = name === '_id' ? ' MongoDB’s `_id` is called `id` in rows and documents.' : '';
  const next = isBefore && called === '' ? ` ${remedyFor(connectorOf(change))}` : '';
  return { code: 'RECORD_KEY_MISSING', message: `${where} "${name}", by which its document is found.${called}${next}` };
}

function remedyFor(connector: string | undefined): string {
  return connector === undefined || partialConnectors.has(connector)
    ? 'The table needs REPLICA IDENTITY FULL, for that column is not in its primary key.'
    : 'The connector must send the deleted row with that column, which is not in its key.';
}

function unproven(name: string): Failure {
  const message = `The document is found by "${name}", and nothing shows that what the delete has there is the row's: without REPLICA IDENTITY FULL, PostgreSQL's connector sends null, a zero, an empty text or the column's default for each column outside the primary key, and no other column of this row has anything else. If the table has REPLICA IDENTITY FULL, set \`id: { deletesCarryKey: true }\` in the mapping file; if not, set both.`;
  return { code: 'RECORD_KEY_MISSING', message };
}

function doubted(name: string): Failure {
  const message = `The key of the delete has no value in "${name}", or one that the connector invented: the table needs REPLICA IDENTITY FULL, because that column is not in its primary key. If the key is the row's, set \`id: { deletesCarryKey: true }\` in the mapping file.`;
  return { code: 'RECORD_KEY_MISSING', message };
}
