import type { Books } from '../../src/pipeline/settle/record-ticket.ts';

/** Books that remember nothing, but for what `told` says. A dead letter is durable at once. */
export function fakeBooks(told: Partial<Books> = {}): Books {
  return {
    settled: () => undefined,
    ignored: () => undefined,
    refused: (ticket) => {
      ticket.settle('dead-lettered');
    },
    ...told,
  };
}
