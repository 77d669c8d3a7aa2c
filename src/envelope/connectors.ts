/**
 * Which connectors' envelopes are read in a way of their own: those whose images are no rows, or no whole ones.
 */
import type { Row } from '../model/change-event.ts';
import type { SourceRecord } from '../model/record.ts';
import { createCassandraReader } from './cassandra.ts';
import type { ImageReaders, ReadEnvelope } from './debezium.ts';
import { readEnvelope } from './debezium.ts';
import { connectorHeader } from './headers.ts';
import type { NamedKey } from './mongodb.ts';
import { createMongoReader } from './mongodb.ts';
import { createSpannerReader } from './spanner.ts';

/** For the envelopes of one topic. */
export interface ConnectorReaders {
  /** By `source.connector`, or by what only MongoDB's envelopes have. */
  readonly readerOf: (connector: string | undefined, columns: readonly string[]) => ReadEnvelope;
  /** The topic's keys are plain, whichever connector wrote them: rows were met that are no envelopes. */
  readonly metRows: () => void;
  /** A tombstone's key, as it names a document: nothing else on a tombstone says which connector wrote it. */
  readonly tombstoneKey: (record: SourceRecord, key: Row) => NamedKey;
}

export function createConnectorReaders(readers: ImageReaders): ConnectorReaders {
  const mongo = createMongoReader();
  const others: ReadonlyMap<string | undefined, ReadEnvelope> = new Map([
    ['cassandra', createCassandraReader(readers.after)],
    ['spanner', createSpannerReader(readers)],
  ]);
  /** Undefined before the first envelope. */
  let isMongo: boolean | undefined;

  const readRows: ReadEnvelope = (record, key, envelope) => readEnvelope(record, key, envelope, readers);

  return {
    readerOf: (connector, columns) => {
      const isMongos = connector === 'mongodb' || columns.includes('updateDescription');
      if (isMongos || connector !== undefined) isMongo = isMongos;
      if (isMongos) return mongo.read;
      return others.get(connector) ?? readRows;
    },
    metRows: () => {
      isMongo = false;
    },
    tombstoneKey: (record, key) => {
      const isMongoKey = isMongo ?? (connectorHeader(record) === 'mongodb' || holdsTypedValue(key));
      return isMongoKey ? mongo.keyOf(key) : { key };
    },
  };
}

/** No other connector's key is called `id` and holds the text of an object whose first field begins with a dollar. */
function holdsTypedValue(key: Row): boolean {
  return key.columns.length === 1 && key.columns[0] === 'id' && key.text(0).startsWith('"{\\"$');
}
