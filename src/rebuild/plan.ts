/**
 * What the service would do with records, and nothing is done.
 */
import type { ChangeEvent } from '../model/change-event.ts';
import type { DocumentMapper, DocumentWrite } from '../model/document.ts';
import type { SourceRecord } from '../model/record.ts';
import { placeText } from '../model/record.ts';

export interface PlanRoute {
  readonly decode: (record: SourceRecord) => ChangeEvent;
  readonly mapper: DocumentMapper;
}

/** What becomes of one record; two entries where a document leaves its place for another. */
export interface Planned {
  /** `topic[partition]@offset` */
  readonly record: string;
  readonly action: 'index' | 'delete' | 'ignore' | 'truncate' | 'dead-letter';
  readonly id?: string;
  readonly version?: string;
  readonly routing?: string;
  /** The document's JSON text. */
  readonly source?: string;
  /** Fields that the source did not send: they stay as they are in the index. */
  readonly withheld?: readonly string[];
  /** Why it is ignored or a dead letter. */
  readonly reason?: string;
}

export function planOf(record: SourceRecord, { decode, mapper }: PlanRoute): readonly Planned[] {
  const place = placeText(record);
  const event = decode(record);
  switch (event.op) {
    case 'ignored':
      return [{ record: place, action: 'ignore', reason: event.reason }];
    case 'unreadable':
      return [{ record: place, action: 'dead-letter', reason: event.failure.message }];
    case 'truncate':
      return [{ record: place, action: 'truncate' }];
    case 'read':
    case 'create':
    case 'update':
    case 'delete': {
      const mapped = mapper(event);
      if (mapped.kind === 'ignored') return [{ record: place, action: 'ignore', reason: mapped.reason }];
      if (mapped.kind === 'refused') return [{ record: place, action: 'dead-letter', reason: mapped.failure.message }];
      return [mapped.also, mapped.write].flatMap((write) => (write === undefined ? [] : plannedWrite(place, write)));
    }
  }
}

function plannedWrite(record: string, write: DocumentWrite): Planned {
  const { action, id, version, routing } = write;
  const common = { record, action, id, version, ...(routing !== undefined && { routing }) };
  if (write.action === 'delete') return common;
  const withheld = (write.steps ?? []).flatMap((step) => [
    ...step.withheld.map((path) => path.join('.')),
    ...(step.patch === undefined ? [] : ['*']),
  ]);
  return { ...common, source: write.source.toString(), ...(withheld.length > 0 && { withheld }) };
}
