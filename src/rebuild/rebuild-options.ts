/**
 * What a rebuild is given, and what it tells.
 */
import type { IndexDefinition } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Clock } from '../pipeline/ports.ts';
import type { Generations } from '../documents/ports.ts';
import type { Custody } from './custody.ts';
import type { Control, Refused } from './handover.ts';
import type { Brokers, Comparison, Signals } from './ports.ts';
import type { SnapshotPlan } from './snapshot-request.ts';

/** What a run of the pipeline into the new generation asks back. */
export interface LoadHooks {
  readonly control: Control;
  /** Before the first write; undefined when the generation is there. */
  readonly ensure: (definition: IndexDefinition) => Promise<Failure | undefined>;
  /** A document that the new generation refuses; durable when it resolves. */
  readonly refused: (write: Refused) => Promise<void>;
}

export interface RebuildOptions {
  readonly document: string;
  /** Digest of the mapping file. */
  readonly definition: string;
  /** Digest of what decides the content of the documents. */
  readonly content: string;
  /** The index as known by now. */
  readonly indexDefinition: () => IndexDefinition;
  /** The group of the running instances. */
  readonly groupId: string;
  readonly custody: Custody;
  readonly generations: Generations;
  readonly comparison: Comparison;
  readonly brokers: Brokers;
  /** Reads the topics into the new generation until `signal` aborts. */
  readonly load: (hooks: LoadHooks, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** The time of day, ISO 8601. */
  readonly now: () => string;
  /** Unlike that of any other process. */
  readonly holder: string;
  readonly startedBy: string;
  readonly acceptDifferences: boolean;
  readonly incompleteHistory: boolean;
  readonly restart: boolean;
  readonly signals: Signals;
  /** The snapshot that is to be asked for; undefined where the topics are the only source. */
  readonly snapshot: SnapshotPlan | undefined;
  readonly tell: (progress: Progress) => void;
  readonly say: (sentence: string) => void;
}

export interface Progress {
  readonly phase: Control['phase'];
  /** Offsets of the topics, and how many of them are passed; some hold no record. */
  readonly records: number;
  readonly done: number;
  /** Why the handover does not go on. */
  readonly waitingFor?: string | undefined;
}
