import { setImmediate as turn } from 'node:timers/promises';
import type { Source } from '../../src/pipeline/ports.ts';
import type { MemoryMember } from '../fakes/memory-log.ts';
import { createMemoryLog } from '../fakes/memory-log.ts';
import { describeSource } from './source.ts';

const partition = { topic: 't', partition: 0 };

describeSource('memory', () => {
  const log = createMemoryLog();
  let newest: MemoryMember | undefined;
  return Promise.resolve({
    partition,
    append: (values) => {
      for (const value of values) log.append(partition, 'k', value);
      return Promise.resolve();
    },
    join: (): Source => {
      const member = log.join();
      newest = member;
      return {
        commit: member.commit,
        remainingMs: member.remainingMs,
        run: async (intake, signal) => {
          const running = member.run(intake, signal);
          await log.rebalance(new Map([[member, [partition]]]));
          await running;
        },
      };
    },
    move: async () => {
      await turn();
      newest?.deliver(partition, 2);
    },
    close: () => Promise.resolve(),
  });
});
