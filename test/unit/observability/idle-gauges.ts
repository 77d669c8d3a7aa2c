import type { Gauges } from '../../../src/observability/metrics.ts';

/** Of an instance that has nothing to do. */
export const idleGauges: Gauges = {
  ...{ recordsHeld: 0, bytesHeld: 0, requestsInFlight: 0, documentsInFlight: 0, ready: true, healthy: true },
  ...{ waits: [], partitions: [] },
};
