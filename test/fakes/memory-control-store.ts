/** Control documents in memory, with marks that rise. */
import type { Control } from '../../src/rebuild/handover.ts';
import type { ControlStore, Stored } from '../../src/rebuild/ports.ts';

export function createMemoryControlStore(): ControlStore {
  const documents = new Map<string, Stored>();
  let marks = 0;
  const put = (control: Control): 'done' => {
    marks += 1;
    documents.set(control.document, { control: structuredClone(control), mark: String(marks) });
    return 'done';
  };
  return {
    read: (wanted) => {
      const found = wanted.flatMap((name) => {
        const stored = documents.get(name);
        return stored === undefined ? [] : [[name, stored] as const];
      });
      return Promise.resolve(new Map(found));
    },
    create: (control) => Promise.resolve(documents.has(control.document) ? 'changed' : put(control)),
    replace: (control, mark) =>
      Promise.resolve(documents.get(control.document)?.mark === mark ? put(control) : 'changed'),
    remove: (document, mark) => {
      if (documents.get(document)?.mark !== mark) return Promise.resolve('changed');
      documents.delete(document);
      return Promise.resolve('done');
    },
  };
}
