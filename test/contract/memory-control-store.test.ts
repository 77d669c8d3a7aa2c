import { createMemoryControlStore } from '../fakes/memory-control-store.ts';
import { describeControlStore } from './control-store.ts';

describeControlStore('the store in memory', createMemoryControlStore);
