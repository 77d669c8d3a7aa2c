/**
 * A definition, compiled: row change → document writes. What can be decided once for rows with the same columns and schema is
 * decided once (`plan.ts`); what is left per row is to copy text and to convert the columns that need it.
 */
import { createRowReader } from '../envelope/json-row.ts';
import { jsonValue } from '../json/value.ts';
import { otherKeyOf } from '../envelope/other-key.ts';
import type { Patch, Row, RowChange, Upsert } from '../model/change-event.ts';
import type { Form } from '../model/form.ts';
import type {
  DeleteWrite,
  DocumentMapper,
  DocumentWrite,
  IndexDefinition,
  IndexWrite,
  Mapped,
  TruncatedDocument,
} from '../model/document.ts';
import { isJson } from '../json/exact.ts';
import type { Failure } from '../model/outcome.ts';
import type { Path, Step } from '../model/partial-change.ts';
import { isWhole } from '../model/partial-change.ts';
import { epochAt, externalVersion } from '../model/position.ts';
import type { Epochs, ExternalVersion } from '../model/position.ts';
import type { SourceRecord } from '../model/record.ts';
import { placeText } from '../model/record.ts';
import type { Redact } from '../model/redact.ts';
import { contentText } from './content.ts';
import type { DocumentDefinition } from './definition.ts';
import { isPattern, topicPattern } from './definition.ts';
import type { FieldSource } from './fields.ts';
import { fieldsOf, maskedColumns } from './fields.ts';
import type { Identity } from './identity.ts';
import { createIdentify } from './identity.ts';
import { decide } from './dynamic-fields.ts';
import { defineIndex } from './infer.ts';
import { createNullMarker } from './null-doubts.ts';
import type { Placeholder } from './placeholder.ts';
import { placeholderOf } from './placeholder.ts';
import type { Plan, PlanOptions, Planned } from './plan.ts';
import { planRow, planned } from './plan.ts';
import { createRedact } from './redaction.ts';
import type { SchemasMet } from './rows-met.ts';
import { createSchemasMet } from './rows-met.ts';
import type { LoadedTransform } from './transform.ts';
import { transformed } from './transform.ts';

export interface CompiledDocument {
  /** The alias. */
  readonly document: string;
  readonly definition: DocumentDefinition;
  /** Topics that the definition names. */
  readonly topics: readonly string[];
  /** Topics that it describes. */
  readonly patterns: readonly RegExp[];
  /** What the values of its topics are. */
  readonly form: Form;
  readonly epoch: Epochs;
  /** What a truncate of its table does to it. */
  readonly truncated: TruncatedDocument;
  matches(topic: string): boolean;
  /** A mapper for the rows of one topic; it remembers the schemas that it meets. */
  createMapper(): DocumentMapper;
  /** How many schemas were met so far: while it is the same, so is the index. */
  schemasMet(): number;
  /** The index as the definition and the schemas met so far make it. */
  indexDefinition(): IndexDefinition;
  /** The fields that rows with these columns make, before a transform. */
  fieldsFrom(columns: readonly string[]): readonly FieldSource[];
  /** The columns by which a row's document is left out, named and routed, but for those of the record's key. */
  readonly decisive: readonly string[];
  /** Those that name it, where the record's key does not. */
  readonly idColumns: readonly string[];
  readonly hasTransform: boolean;
  /** What decides the content of the documents, as one text. */
  readonly contentText: string;
  /** A dead letter as it may be kept: without the values that the definition masks. */
  readonly redact: Redact | undefined;
}

/** What a definition needs and does not hold. */
export interface CompileOptions extends PlanOptions {
  readonly transform?: LoadedTransform | undefined;
  /** Told of updates that do not say whether their documents moved. */
  readonly doubted?: ((doubt: Failure) => void) | undefined;
  /** Where the schemas that are met go; of its own unless given. */
  readonly schemas?: SchemasMet | undefined;
  /** Called when rows of columns or a schema come that were not seen before. */
  readonly rowsMet?: (() => void) | undefined;
}

export function compileDocument(definition: DocumentDefinition, given: CompileOptions = {}): CompiledDocument {
  // A transform may have made anything of a null.
  const marksNulls = given.marksNulls === true && given.transform === undefined;
  const options = { ...given, marksNulls };
  const entries = typeof definition.from === 'string' ? [definition.from] : definition.from;
  const topics = entries.filter((entry) => !isPattern(entry));
  const patterns = entries.filter(isPattern).map(topicPattern);
  const schemas = options.schemas ?? createSchemasMet();
  const masked = [...maskedColumns(definition).keys()];
  return {
    document: definition.document,
    definition,
    topics,
    patterns,
    form: {
      name: definition.form,
      outbox: definition.outbox,
      ...(definition.key !== undefined && { key: definition.key }),
      ...(definition.partial !== undefined && { partial: definition.partial }),
    },
    epoch: definition.epoch,
    truncated: {
      index: definition.document,
      policy: definition.onTruncate,
      versionOf: versionsOf(definition),
    },
    matches: (topic) => topics.includes(topic) || patterns.some((pattern) => pattern.test(topic)),
    createMapper: () => createMapper(definition, options, schemas),
    schemasMet: schemas.met,
    indexDefinition: () => defineIndex(definition, schemas.all(), schemas.rows(), marksNulls),
    fieldsFrom: (columns) => fieldsOf(definition, columns),
    decisive: decisiveColumns(definition),
    idColumns: definition.id.from ?? [],
    hasTransform: options.transform !== undefined,
    contentText: contentText(definition, options.transform?.digest),
    redact: masked.length === 0 ? undefined : createRedact(masked),
  };
}

function decisiveColumns({ where, id, routing }: DocumentDefinition): readonly string[] {
  return [...new Set([...Object.keys(where), ...(id.from ?? []), ...(routing === undefined ? [] : [routing])])];
}

function versionsOf({ epoch }: DocumentDefinition): TruncatedDocument['versionOf'] {
  if (typeof epoch === 'number') return ({ offset }) => externalVersion(epoch, offset);
  return ({ partition, offset }) => externalVersion(epochAt(epoch, partition), offset);
}

/** What becomes of a row; `lacks` are steps where something is missing in `source`. */
type Built =
  /** The document's text in UTF-8, which is whole. */
  | Buffer
  | { readonly kind: 'partial'; readonly step: Step }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly failure: Failure };

function createMapper(definition: DocumentDefinition, options: CompileOptions, schemas: SchemasMet): DocumentMapper {
  const { document: index } = definition;
  const { hashKey, transform } = options;
  const versionOf = versionsOf(definition);
  const placeholder = placeholderOf(definition.unavailableValue);
  const identify = createIdentify(definition, hashKey);
  const otherKeys = createRowReader();
  const rowPlan = planned((row) => {
    options.rowsMet?.();
    const plan = planRow(definition, options, row);
    if (row.schema === undefined) schemas.addColumns(plan.names, plan.renamed);
    else schemas.add(row.schema);
    return plan;
  });

  /** A row of which something is missing, or may be. */
  const partial = (change: Upsert, { fields }: Plan): Built => {
    const { op, key, after, patch } = change;
    const withheld: Path[] = [];
    const source = assembled(after, fields, (text, path) => {
      const isWithheld = placeholder.matches(text);
      if (isWithheld) withheld.push(path);
      return isWithheld;
    });
    if (typeof source === 'number') return unconvertible(after, source);
    // What is missing is put between the parts of this, so all of it must be JSON.
    if (![source, ...(patch?.set ?? []).map(({ text }) => text)].every(isJson)) return malformed;
    const otherKey = withheld.length === 0 || key === null ? undefined : otherKeyOf(change, otherKeys);
    const former = otherKey && identify(otherKey, after, false, change);
    const step = {
      source: Buffer.from(source),
      withheld,
      ...(patch !== undefined && { patch: renamed(definition, patch) }),
      ...(patch !== undefined && op === 'create' && { mayBeFirst: true as const }),
      ...(former !== undefined && 'id' in former && { formerId: former.id }),
    };
    return isWhole(step) ? step.source : { kind: 'partial', step };
  };

  const build = (change: Upsert): Built => {
    const { after } = change;
    const plan = rowPlan(after);
    if (plan.collision !== undefined) return { kind: 'failed', failure: plan.collision };
    const holds = plan.conditions.length === 0 || meets(change, plan, placeholder);
    if (typeof holds !== 'boolean') return { kind: 'failed', failure: holds };
    if (!holds) return { kind: 'none' };
    const whole = after.json();
    if (change.patch !== undefined || placeholder.mayBeIn(whole)) return partial(change, plan);
    const source = sourceOf(after, plan);
    if (typeof source === 'number') return unconvertible(after, source);
    if (plan.undecided.length > 0) decide(after, plan.undecided, schemas.addNumber);
    return source;
  };

  let isDoubtTold = false;
  /** Where the document was before the row's columns that place it changed; undefined if it did not move. */
  const formerOf = (change: Upsert, { id, routing }: Identity): Identity | Failure | undefined => {
    const { op, key, before } = change;
    if (op !== 'update') return undefined;
    if (before === null) {
      // A document without routing may have had one; all others were mostly where they are.
      const mayHaveMoved = definition.routing !== undefined && routing === undefined;
      const namesChange = change.patch !== undefined && change.origin.connector === 'mongodb';
      if (isDoubtTold && !mayHaveMoved && !namesChange) return undefined;
      const columns = identify.beyondKey(key);
      if (columns.length === 0) return undefined;
      // MongoDB names only fields that changed: the document has moved, and all else of it is where it was.
      if (namesChange && columns.some((name) => change.after.columns.includes(name))) return restUnknown(columns);
      const failure = placeUnknown(index, columns);
      if (mayHaveMoved) return failure;
      if (isDoubtTold) return undefined;
      isDoubtTold = true;
      options.doubted?.(failure);
      return undefined;
    }
    const former = identify.formerOf(key, before, change);
    // What a row before does not have did not change: Spanner sends what did.
    return 'code' in former || (former.id === id && former.routing === routing) ? undefined : former;
  };

  const markNulls = createNullMarker((failure) => options.doubted?.(failure));
  const marked = (write: IndexWrite, change: Upsert): IndexWrite =>
    options.marksNulls === true ? markNulls(write, change, rowPlan(change.after)) : write;

  const map: DocumentMapper = (change) => {
    const { record, key } = change;
    const isDelete = change.op === 'delete';
    // The first record of a topic may be a delete; its index must know the columns all the same.
    if (isDelete && change.before?.schema !== undefined) schemas.add(change.before.schema);
    if (change.keyFailure !== undefined && definition.id.from === undefined) return refused(change.keyFailure, record);
    const identity = identify(key, isDelete ? change.before : change.after, isDelete, change);
    if ('code' in identity) {
      const isSecondDelete =
        isDelete && change.tombstone && change.isOnly !== true && identity.code === 'RECORD_KEY_MISSING';
      return isSecondDelete ? { kind: 'ignored', reason: 'tombstone-without-id' } : refused(identity, record);
    }
    const version = versionOf(record);
    if (isDelete) {
      const write = deleteOf(index, identity, version);
      return {
        kind: 'write',
        write: otherKeyOf(change, otherKeys) === undefined ? write : { ...write, bequeaths: [] },
      };
    }
    const former = identify.mayMove ? formerOf(change, identity) : undefined;
    if (former !== undefined && 'code' in former) return refused(former, record);
    const also = former && deleteOf(index, former, version);
    const built = transform === undefined ? build(change) : transformBuilt(build(change), transform, change);
    if (Buffer.isBuffer(built)) return written(marked(indexOf(index, identity, version, built), change), also);
    switch (built.kind) {
      case 'partial': {
        const { step } = built;
        // At its new place there is nothing to take the rest from, and the old document would be deleted.
        if (former !== undefined) return refused(restUnknown(identify.beyondKey(key)), record);
        return written(marked({ ...indexOf(index, identity, version, step.source), steps: [step] }, change), also);
      }
      case 'none':
        // A row that is new has had no document: a delete would only make Elasticsearch remember it.
        if (change.op === 'create' && change.patch === undefined) return { kind: 'ignored', reason: 'left-out' };
        return written(deleteOf(index, identity, version), also);
      case 'failed':
        return refused(built.failure, record);
    }
  };

  return (change) => {
    try {
      return map(change);
    } catch (error) {
      // Whatever is inside of a value is looked at here for the first time, by `JSON.parse`: ids, conditions, conversions.
      if (error instanceof SyntaxError) return refused(malformed.failure, change.record);
      throw error;
    }
  };
}

// For each event there is one of these: written out, for spreading costs more than all else here.
const written = (write: DocumentWrite, also: DeleteWrite | undefined): Mapped =>
  also === undefined ? { kind: 'write', write } : { kind: 'write', write, also };

const indexOf = (index: string, { id, routing }: Identity, version: ExternalVersion, source: Buffer): IndexWrite =>
  routing === undefined
    ? { action: 'index', index, id, version, source }
    : { action: 'index', index, id, routing, version, source };

const deleteOf = (index: string, { id, routing }: Identity, version: ExternalVersion): DeleteWrite =>
  routing === undefined ? { action: 'delete', index, id, version } : { action: 'delete', index, id, routing, version };

const refused = (failure: Failure, record: SourceRecord): Mapped => ({
  kind: 'refused',
  failure: { ...failure, message: `${placeText(record)}: ${failure.message}` },
});

function placeUnknown(index: string, columns: readonly string[]): Failure {
  const names = columns.map((name) => `\`${name}\``).join(', ');
  const message = `Updates for ${index} do not tell what ${names} was before, by which the document is found: if it changed, the old document stays.`;
  return { code: 'FORMER_PLACE_UNKNOWN', message };
}

/** Of a change that moves its document and brings only a part of it. */
function restUnknown(columns: readonly string[]): Failure {
  const names = columns.map((name) => `\`${name}\``).join(', ');
  const message = `The update changes where its document is (by ${names}) and holds only a part of the row, so the new document would lack all other fields. The old document stays as it was.`;
  return { code: 'FORMER_PLACE_UNKNOWN', message };
}

/** Whether the row is one of those that become documents; a failure if that cannot be known. */
function meets({ after, patch }: Upsert, { conditions }: Plan, placeholder: Placeholder): boolean | Failure {
  for (const { name, column, convert, test } of conditions) {
    const text = column === -1 ? undefined : after.text(column);
    if (text === undefined ? patch !== undefined : placeholder.matches(text)) return undecided(name);
    const converted = text === undefined ? 'null' : convert === undefined ? text : convert(text);
    if (converted === undefined) return unconvertible(after, column).failure;
    if (!test(jsonValue(converted))) return false;
  }
  return true;
}

function undecided(name: string): Failure {
  const message = `The database did not send "${name}", by which \`where\` decides.`;
  return { code: 'FILTER_UNDECIDED', message };
}

const malformed: Extract<Built, { readonly kind: 'failed' }> = {
  kind: 'failed',
  failure: { code: 'RECORD_NOT_JSON', message: 'A value of the row is malformed inside.' },
};

function unconvertible(row: Row, column: number): Extract<Built, { kind: 'failed' }> {
  const message = `Column "${row.columns[column] ?? ''}" does not hold what its type or \`as\` promises.`;
  return { kind: 'failed', failure: { code: 'VALUE_NOT_CONVERTIBLE', message } };
}

function transformBuilt(built: Built, transform: LoadedTransform, change: RowChange & Upsert): Built {
  const isWholeAlready = Buffer.isBuffer(built);
  if (!isWholeAlready && built.kind !== 'partial') return built;
  const { op, record } = change;
  const { topic, partition, offset, timestampMs } = record;
  const step = isWholeAlready ? undefined : built.step;
  const withheld = (step?.withheld ?? []).map((path) => path.join('.'));
  const source = isWholeAlready ? built : built.step.source;
  const result = transformed(transform, source.toString(), { op, topic, partition, offset, timestampMs, withheld });
  switch (result.kind) {
    case 'none':
      return { kind: 'none' };
    case 'failed':
      return { kind: 'failed', failure: { code: 'TRANSFORM_FAILED', message: `The transform ${result.seen}.` } };
    case 'document': {
      const made = Buffer.from(result.source);
      return step === undefined ? made : { kind: 'partial', step: { ...step, source: made } };
    }
  }
}

/** A patch of the row as a patch of the document. */
function renamed(definition: DocumentDefinition, { set, removed, truncated }: Patch): Patch {
  const inDocument = ([column = '', ...rest]: Path): readonly Path[] =>
    fieldsOf(definition, [column]).flatMap(({ from, path, inside }) =>
      from === column && inside.length === 0 ? [[...path, ...rest]] : [],
    );
  return {
    set: set.flatMap(({ path, text }) => inDocument(path).map((found) => ({ path: found, text }))),
    removed: removed.flatMap(inDocument),
    truncated: truncated.flatMap(({ path, size }) => inDocument(path).map((found) => ({ path: found, size }))),
  };
}

/** The document's text in UTF-8; the number of a column that cannot be converted instead. */
function sourceOf(row: Row, plan: Plan): Buffer | number {
  if (plan.keepsOrder) return row.encoded(plan.columns, plan.edits);
  const source = assembled(row, plan.fields);
  return typeof source === 'number' ? source : Buffer.from(source);
}

/** Field by field, but for those that `leaveOut` names. */
function assembled(
  row: Row,
  fields: readonly Planned[],
  leaveOut?: (text: string, path: Path) => boolean,
): string | number {
  let out = '{';
  for (const { token, path, column, convert, constant, inner } of fields) {
    let value: string | number | undefined = constant;
    if (inner !== undefined) {
      value = assembled(row, inner, leaveOut);
      if (typeof value === 'number') return value;
    } else if (column !== -1) {
      const text = row.text(column);
      if (leaveOut?.(text, path) === true) continue;
      value = convert === undefined ? text : convert(text);
      if (value === undefined) return column;
    }
    if (value !== undefined) out += out.length === 1 ? token + value : `,${token}${value}`;
  }
  return `${out}}`;
}
