/**
 * A control document in the hands of one process: changed by compare-and-set, tried again while the cluster is in trouble, and
 * given up when it is another's.
 */
import { SluiceError, directiveOf } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';
import type { Clock } from '../pipeline/ports.ts';
import type { Control } from './handover.ts';
import type { ControlStore, Stored } from './ports.ts';
import { isFailure } from '../model/outcome.ts';

export interface CustodyOptions {
  readonly store: ControlStore;
  readonly document: string;
  readonly clock: Clock;
  /** Something must be waited for. */
  readonly waiting: (failure: Failure) => void;
  readonly signal: AbortSignal;
}

const retryMs = 1000;

export function refuse(message: string): SluiceError {
  return new SluiceError([{ code: 'REBUILD_IMPOSSIBLE', message }]);
}

export interface Custody {
  /** Tries what may fail for a while, for ever; throws a SluiceError for what waiting does not heal, and when `signal` aborts. */
  persist<T>(attempt: () => Promise<T | Failure>): Promise<T>;
  read(): Promise<Stored | undefined>;
  /** False if somebody made one first. */
  create(control: Control): Promise<boolean>;
  /** False if it has changed since. */
  replace(control: Control, mark: string): Promise<boolean>;
  /**
   * Changes it whatever others do to it meanwhile; `next` may throw. Undefined from `next` leaves it as it is. Throws a
   * SluiceError if it is gone or of another rebuild.
   */
  change(rebuild: string, next: (control: Control) => Control | undefined): Promise<Control>;
  remove(rebuild: string): Promise<void>;
}

export function createCustody({ store, document, clock, waiting, signal }: CustodyOptions): Custody {
  const persist = async <T>(attempt: () => Promise<T | Failure>): Promise<T> => {
    for (;;) {
      signal.throwIfAborted();
      const answer = await attempt();
      if (!isFailure(answer)) return answer;
      const directive = directiveOf(answer);
      if (directive === 'stop' || answer.code === 'INDEX_REFUSED' || answer.code === 'INDEX_FOREIGN') {
        throw new SluiceError([answer]);
      }
      waiting(answer);
      await clock.sleep(retryMs, signal);
    }
  };
  const read = async (): Promise<Stored | undefined> => (await persist(() => store.read([document]))).get(document);
  const readOwn = async (rebuild: string): Promise<Stored> => {
    const stored = await read();
    if (stored?.control.rebuild === rebuild) return stored;
    const what = stored === undefined ? 'is gone' : 'is that of another rebuild';
    throw refuse(`The control document of ${document} ${what}, so nobody can know any more what the instances write.`);
  };
  const replace = async (control: Control, mark: string): Promise<boolean> =>
    (await persist(() => store.replace(control, mark))) === 'done';
  return {
    persist,
    read,
    create: async (control) => (await persist(() => store.create(control))) === 'done',
    replace,
    change: async (rebuild, next) => {
      for (;;) {
        const { control, mark } = await readOwn(rebuild);
        const changed = next(control);
        if (changed === undefined) return control;
        if (await replace(changed, mark)) return changed;
      }
    },
    remove: async (rebuild) => {
      for (;;) {
        const stored = await read();
        if (stored?.control.rebuild !== rebuild) return;
        if ((await persist(() => store.remove(document, stored.mark))) === 'done') return;
      }
    },
  };
}
