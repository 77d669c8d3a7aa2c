/**
 * What is doubtful about indexes, as a metric.
 */
import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import type { Failure } from '../model/outcome.ts';

/** `sluice_index_doubtful{index,code}` is 1 for as long as an index is not whole. */
export function exposeDoubts(registry: Registry, doubts: () => ReadonlyMap<string, readonly Failure[]>): void {
  new Gauge({
    name: 'sluice_index_doubtful',
    help: '1 for each reason why an index is not what its definition and topics make.',
    labelNames: ['index', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [index, failures] of doubts()) for (const { code } of failures) this.set({ index, code }, 1);
    },
  });
}
