import { createMemorySink } from '../fakes/memory-sink.ts';
import { describeSink } from './sink.ts';

let indexes = 0;

describeSink('memory', () => {
  const sink = createMemorySink({});
  return Promise.resolve({
    sink,
    newIndex: () => Promise.resolve(`index-${(indexes += 1)}`),
    read: (index, id) => Promise.resolve(sink.sources().get(`${index}/${id}`)),
  });
});
