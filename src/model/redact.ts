/** What a dead letter keeps of its record, and says of it. */
import type { DocumentWrite } from './document.ts';
import type { Failure } from './outcome.ts';
import type { SourceRecord } from './record.ts';

export interface Kept {
  readonly record: SourceRecord;
  readonly failure: Failure;
  /** The document that refused it; absent where the record could not be read. */
  readonly document?: Pick<DocumentWrite, 'index' | 'id' | 'routing' | 'version'>;
}

/** Takes away what must not be kept. Total: what it does not understand it does not keep. */
export type Redact = (kept: Kept) => Kept;
