/**
 * A group of instances, two generations of an index and a rebuild, as a model: every message between them is a step of its own,
 * so that anything may come between. The decisions are those of `src/rebuild/handover.ts`; each rule of the protocol has a
 * switch here.
 */
import assert from 'node:assert/strict';
import type { Control, GroupView, PartitionPosition } from '../../src/rebuild/handover.ts';
import {
  acknowledge,
  excuse,
  havePassed,
  obstacleTo,
  otherOf,
  targetsOf,
  toDualWrite,
  toFinishing,
  toSwapping,
  toWarm,
  withRefused,
  writingOf,
} from '../../src/rebuild/handover.ts';

export const rules = {
  'an instance reads the state at each assignment, before its first record': true,
  'an acknowledgement counts only from the owner of the partition': true,
  'the group is described after the state was set': true,
  'a group that rebalances is described again': true,
  'the alias is swapped only when the rebuild has passed what was acknowledged': true,
  'where nobody owns a partition, the rebuild passes what is committed': true,
  'a write is settled when both generations have it': true,
  'both generations are written by name, not by the alias': true,
  'at an assignment while both are written nothing is kept of what was read before': true,
  'what one generation alone refuses is written down before it is settled': true,
  'a refusal that was written down is looked at before the swap': true,
  'writing to both goes on until finish': true,
  'the control document is changed by compare-and-set': true,
  'writes carry versions': true,
};
export type Rules = Record<keyof typeof rules, boolean>;
export type Rule = keyof typeof rules;

/** `new`: refused by the new generation alone. */
export type Poison = 'none' | 'new' | 'both';
interface Entry {
  readonly key: number;
  readonly poison: Poison;
}
interface Tracker {
  next: number;
  readonly unsettled: Set<number>;
  delivered: boolean;
}
interface Write {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly poison: Poison;
  readonly tracker: Tracker;
}
interface Request {
  readonly writes: readonly Write[];
  /** Names of generations, or the alias, which is looked up when the request arrives. */
  readonly targets: readonly string[];
  readonly rebuild: string | undefined;
  readonly live: string | undefined;
}
interface Instance {
  member: string;
  generation: number;
  assigned: Set<number>;
  known: boolean;
  control: Control | undefined;
  readonly trackers: Map<number, Tracker>;
  readonly fetched: Map<number, number>;
  queue: Write[];
  requests: Request[];
}

export const partitionCount = 2;
export const instanceCount = 2;
const alias = 'alias';
const definition = 'digest';

export interface World {
  append(partition: number, key: number, poison: Poison): void;
  unsettleGroup(): void;
  /** Who is in the group from now on, and which of them owns each partition. */
  rebalance(present: readonly boolean[], owners: readonly number[]): void;
  kill(instance: number): void;
  read(instance: number): void;
  poll(instance: number): void;
  acknowledge(instance: number): void;
  deliver(instance: number, partition: number, count: number): void;
  send(instance: number, count: number): void;
  /** `fate`: 0 all is well; 1 the first target alone takes it; 2 nobody does; 3 all is done and the answer is lost. */
  answer(instance: number, which: number, fate: number): void;
  commit(instance: number): void;
  load(partition: number, count: number): void;
  rebuild(): void;
  crashRebuild(): void;
  rollBack(): void;
  finish(): void;
  /** Throws if readers of the alias miss something. */
  check(): void;
  reached(): { readonly phase: string; readonly swaps: number };
}

export function createWorld(on: Rules): World {
  const log: Entry[][] = Array.from({ length: partitionCount }, () => []);
  const committed = Array.from({ length: partitionCount }, () => 0);
  const indexes = new Map([
    ['one', new Map<string, number>()],
    ['two', new Map<string, number>()],
  ]);
  const letters = new Set<string>();
  const loaded = Array.from({ length: partitionCount }, () => 0);
  let aliased = 'one';
  let generation = 0;
  let settled = true;
  let owners: (string | undefined)[] = [];
  let stored: Control | undefined;
  let over = false;
  let swaps = 0;
  let members = 0;
  let described: GroupView | undefined;
  let targets: ReadonlyMap<string, number> | undefined;
  /** What the rebuild has read last: all that its swap rests upon, where nothing is compared. */
  let judged: Control | undefined;
  const living: Instance[] = [];

  const born = (): Instance => ({
    member: `m${(members += 1)}`,
    generation: -1,
    assigned: new Set(),
    known: false,
    control: undefined,
    trackers: new Map(),
    fetched: new Map(),
    queue: [],
    requests: [],
  });
  for (let number = 0; number < instanceCount; number += 1) living.push(born());
  const instanceOf = (number: number): Instance => living[number] ?? assert.fail();

  const refusedBy = (index: string, { poison }: Entry | Write): boolean =>
    poison === 'both' || (poison === 'new' && index === 'two');

  /** As Elasticsearch does: what is older than what is there is refused as superseded, which is success. */
  const apply = (index: string, write: Pick<Write, 'key' | 'offset'>): void => {
    const documents = indexes.get(index) ?? assert.fail();
    const version = write.offset + 1;
    if (!on['writes carry versions'] || version > (documents.get(write.key) ?? 0)) documents.set(write.key, version);
  };

  const positions = (of: readonly number[]): PartitionPosition[] =>
    log.map((entries, partition) => ({
      topic: 't',
      partition,
      start: 0,
      end: entries.length,
      committed: of[partition] === 0 ? undefined : of[partition],
    }));

  const learn = (instance: Instance): void => {
    const next = stored;
    if (!on['writing to both goes on until finish'] && next?.phase === 'warm') instance.control = undefined;
    else instance.control = next;
  };

  const settle = (write: Write): void => {
    write.tracker.unsettled.delete(write.offset);
  };

  const excused = (instance: Instance, request: Request, write: Write, other: string): boolean => {
    if (!on['what one generation alone refuses is written down before it is settled']) return true;
    const { key: id, offset } = write;
    const refusal = { generation: other, id, version: String(offset + 1), code: 'DOCUMENT_REJECTED' };
    const answer = excuse(stored, request.rebuild ?? '', { kind: 'refused', write: refusal });
    learn(instance);
    if (answer.kind === 'excused') stored = answer.control;
    if (answer.kind === 'live') letters.add(`${write.partition}/${offset}`);
    return answer.kind !== 'changed';
  };

  /** True if the write is settled. */
  const arrive = (instance: Instance, request: Request, write: Write, fate: number): boolean => {
    const results = request.targets.map((target, position): 'applied' | 'rejected' | 'lost' => {
      if (fate === 2 || (fate === 1 && position > 0)) return 'lost';
      const index = target === alias ? aliased : target;
      if (refusedBy(index, write)) return fate === 3 ? 'lost' : 'rejected';
      apply(index, write);
      return fate === 3 ? 'lost' : 'applied';
    });
    const [live, other = 'applied'] = results;
    if (live === 'lost') return false;
    if (other === 'lost' && on['a write is settled when both generations have it']) return false;
    if (live === 'rejected') {
      if (request.live !== undefined && request.rebuild !== undefined && stored?.live !== request.live) {
        // Which one decides has changed meanwhile.
        learn(instance);
        return false;
      }
      letters.add(`${write.partition}/${write.offset}`);
      return true;
    }
    if (other !== 'rejected') return true;
    return excused(instance, request, write, request.targets[1] ?? '');
  };

  const compareAndSet = (read: Control, next: Control): boolean => {
    if (on['the control document is changed by compare-and-set'] && stored !== read) return false;
    stored = next;
    return true;
  };

  /** Clears refusals that are no loss; undefined if another process was first. */
  const judge = (control: Control): Control | undefined => {
    const refused = control.refused.filter(
      ({ generation: of, id, version }) =>
        of !== 'two' || String(indexes.get(otherOf({ ...control, live: of }))?.get(id)) === version,
    );
    const next = { ...control, refused };
    return compareAndSet(control, next) ? next : undefined;
  };

  const handOver = (control: Control): void => {
    if (described?.settled !== true) {
      described = describe();
      return;
    }
    if (targets === undefined) {
      const found = targetsOf(control, ownersFor(described, control), positions(committed));
      if (on['the group is described after the state was set']) described = undefined;
      if (found.kind === 'targets') targets = found.targets;
      return;
    }
    const passed =
      !on['the alias is swapped only when the rebuild has passed what was acknowledged'] ||
      havePassed(targets, positions(loaded));
    if (!passed) return;
    if (judged === undefined) {
      judged = on['a refusal that was written down is looked at before the swap']
        ? judge(control)
        : { ...control, refused: [] };
      if (!on['a refusal that was written down is looked at before the swap']) stored = judged;
      return;
    }
    const read = judged;
    judged = undefined;
    if (obstacleTo(read, 'two') !== undefined) {
      // The rebuild has failed: all is as it was.
      stored = undefined;
      over = true;
      return;
    }
    compareAndSet(read, toSwapping(read, 'two'));
  };

  const describe = (): GroupView => {
    const map = new Map<string, string>();
    owners.forEach((owner, partition) => {
      if (owner !== undefined) map.set(`t/${partition}`, owner);
    });
    if (!settled && !on['a group that rebalances is described again']) return { settled: true, owners: new Map() };
    return { settled, owners: map };
  };

  const ownersFor = (group: GroupView, control: Control): GroupView => {
    let owned = new Map(group.owners);
    if (!on['an acknowledgement counts only from the owner of the partition']) {
      for (const [member, { from }] of Object.entries(control.acknowledged)) {
        for (const place of Object.keys(from)) owned.set(place, member);
      }
    }
    if (owned.size === 0 && !on['where nobody owns a partition, the rebuild passes what is committed']) {
      owned = new Map(log.map((_, partition) => [`t/${partition}`, 'nobody'] as const));
      const from = Object.fromEntries([...owned.keys()].map((place) => [place, 0]));
      stored = { ...control, acknowledged: { nobody: { instance: 'nobody', definition, from } } };
      Object.assign(control, stored);
    }
    return { ...group, owners: owned };
  };

  return {
    append: (partition, key, poison) => {
      log[partition]?.push({ key, poison });
    },
    unsettleGroup: () => {
      settled = false;
    },
    rebalance: (present, owning) => {
      generation += 1;
      settled = true;
      const joined = living.filter((_, number) => present[number] === true);
      owners = committed.map((_, partition) =>
        joined.length === 0 ? undefined : joined[(owning[partition] ?? 0) % joined.length]?.member,
      );
      for (const instance of joined) {
        // Who was thrown out comes back under another name.
        if (instance.generation !== generation - 1) {
          const before = instance.member;
          instance.member = `m${(members += 1)}`;
          owners = owners.map((owner) => (owner === before ? instance.member : owner));
        }
        instance.generation = generation;
        instance.assigned = new Set(
          owners.flatMap((owner, partition) => (owner === instance.member ? [partition] : [])),
        );
        instance.known = false;
        for (const partition of instance.trackers.keys()) {
          if (!instance.assigned.has(partition)) instance.trackers.delete(partition);
        }
        for (const tracker of instance.trackers.values()) tracker.delivered = false;
        instance.fetched.clear();
        for (const partition of instance.assigned) instance.fetched.set(partition, committed[partition] ?? 0);
      }
    },
    kill: (number) => {
      living[number] = born();
    },
    read: (number) => {
      const instance = instanceOf(number);
      if (instance.known) return;
      instance.known = true;
      if (on['an instance reads the state at each assignment, before its first record']) learn(instance);
      if (
        writingOf(instance.control).kind === 'generations' &&
        on['at an assignment while both are written nothing is kept of what was read before']
      ) {
        instance.trackers.clear();
      }
    },
    poll: (number) => {
      learn(instanceOf(number));
    },
    acknowledge: (number) => {
      const instance = instanceOf(number);
      const { control, member } = instance;
      if (control === undefined || stored === undefined || control.rebuild !== stored.rebuild || !instance.known)
        return;
      if (writingOf(control).kind === 'alias') return;
      const from = Object.fromEntries(
        [...instance.assigned].map((partition) => [`t/${partition}`, instance.trackers.get(partition)?.next ?? null]),
      );
      stored = acknowledge(stored, member, { instance: member, definition, from }) ?? stored;
    },
    deliver: (number, partition, count) => {
      const instance = instanceOf(number);
      const at = instance.fetched.get(partition);
      if (!instance.known || at === undefined) return;
      let tracker = instance.trackers.get(partition);
      if (tracker === undefined) {
        tracker = { next: at, unsettled: new Set(), delivered: true };
        instance.trackers.set(partition, tracker);
      }
      tracker.delivered = true;
      const entries = log[partition]?.slice(at, at + count) ?? [];
      entries.forEach(({ key, poison }, position) => {
        const offset = at + position;
        if (offset < tracker.next) return;
        tracker.next = offset + 1;
        tracker.unsettled.add(offset);
        instance.queue.push({ partition, offset, key: `${partition}/${key}`, poison, tracker });
      });
      instance.fetched.set(partition, at + entries.length);
    },
    send: (number, count) => {
      const instance = instanceOf(number);
      const busy = new Set(instance.requests.flatMap(({ writes }) => writes.map(({ key }) => key)));
      const writes: Write[] = [];
      const rest: Write[] = [];
      for (const write of instance.queue) {
        if (writes.length < count && !busy.has(write.key)) writes.push(write);
        else rest.push(write);
        busy.add(write.key);
      }
      if (writes.length === 0) return;
      instance.queue = rest;
      const writing = writingOf(instance.control);
      if (writing.kind === 'alias') {
        instance.requests.push({ writes, targets: [alias], rebuild: undefined, live: undefined });
        return;
      }
      const { live, other = live, rebuild } = writing;
      const named = on['both generations are written by name, not by the alias'];
      instance.requests.push({ writes, targets: named ? [live, other] : [alias, 'two'], rebuild, live });
    },
    answer: (number, which, fate) => {
      const instance = instanceOf(number);
      const [request] = instance.requests.splice(which % Math.max(1, instance.requests.length), 1);
      if (request === undefined) return;
      const again: Write[] = [];
      for (const write of request.writes) {
        if (arrive(instance, request, write, fate)) settle(write);
        else again.push(write);
      }
      instance.queue = [...again, ...instance.queue];
    },
    commit: (number) => {
      const instance = instanceOf(number);
      if (instance.generation !== generation) return;
      for (const [partition, tracker] of instance.trackers) {
        if (!tracker.delivered || !instance.assigned.has(partition)) continue;
        committed[partition] = Math.max(committed[partition] ?? 0, Math.min(tracker.next, ...tracker.unsettled));
      }
    },
    load: (partition, count) => {
      if (stored === undefined || stored.phase === 'finishing') return;
      const at = loaded[partition] ?? 0;
      const entries = log[partition]?.slice(at, at + count) ?? [];
      entries.forEach((entry, position) => {
        const write = { key: `${partition}/${entry.key}`, offset: at + position };
        if (!refusedBy('two', entry)) apply('two', write);
        else if (stored !== undefined) {
          const version = String(write.offset + 1);
          stored = withRefused(stored, { generation: 'two', id: write.key, version, code: 'DOCUMENT_REJECTED' });
        }
      });
      loaded[partition] = at + entries.length;
    },
    rebuild: () => {
      if (over) return;
      if (stored === undefined) {
        if (swaps > 0) return;
        stored = newControl();
        described = on['the group is described after the state was set'] ? undefined : describe();
        return;
      }
      switch (stored.phase) {
        case 'loading':
          stored = toDualWrite(stored, 'now');
          return;
        case 'dual-write':
          handOver(stored);
          return;
        case 'swapping':
          if (aliased === stored.live) stored = toWarm(stored, 'now');
          else {
            aliased = stored.live;
            swaps += 1;
          }
          return;
        case 'warm':
        case 'finishing':
      }
    },
    crashRebuild: () => {
      described = undefined;
      targets = undefined;
      judged = undefined;
    },
    rollBack: () => {
      if (stored?.phase !== 'warm') return;
      const other = otherOf(stored);
      if (obstacleTo(stored, other) === undefined) stored = toSwapping(stored, other);
    },
    finish: () => {
      if (stored?.phase !== 'warm') return;
      stored = toFinishing(stored);
    },
    check: () => {
      const documents = indexes.get(aliased) ?? assert.fail();
      for (const [partition, entries] of log.entries()) {
        entries.slice(0, committed[partition]).forEach(({ key }, offset) => {
          if (letters.has(`${partition}/${offset}`)) return;
          const found = documents.get(`${partition}/${key}`) ?? 0;
          assert.ok(found > offset, `${partition}/${offset} is committed, and ${aliased} has ${found - 1} at most`);
        });
      }
    },
    reached: () => ({ phase: stored?.phase ?? 'none', swaps }),
  };
}

function newControl(): Control {
  return {
    document: alias,
    rebuild: 'r',
    phase: 'loading',
    from: 'one',
    to: 'two',
    live: 'one',
    groupId: 'g',
    definition,
    created: true,
    startedAt: 'then',
    startedBy: 'test',
    lease: { holder: 'h', count: 0 },
    acknowledged: {},
    refused: [],
    lost: [],
  };
}
