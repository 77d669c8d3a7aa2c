'use strict';

// The import rules of the design (docs/architecture.md): the direction in which the rooms may know each other.
const pure = ['model', 'json', 'envelope', 'convert', 'mapping', 'aggregate', 'transaction'];
const adapters = ['kafka', 'schema-registry', 'elasticsearch', 'postgres', 'mysql', 'store', 'observability'];
const errors = '^src/errors\\.ts$';
const ports = '^src/(pipeline/(ports|tenure)|documents/ports|rebuild/verify-ports)\\.ts$';
const rebuildPorts = ['^src/rebuild/ports\\.ts$', '^src/rebuild/handover\\.ts$'];

/** A room may import itself, and what `allowed` names, and nothing else of src. */
const only = (room, allowed) => ({
  name: `${room}-imports`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [`^src/${room}/`, ...allowed] },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: '\\.d\\.ts$' }, to: {} },
    only('model', []),
    // The pure rooms know the model, the errors and the pure rooms before them.
    ...pure.slice(1).map((room, index) => only(room, [errors, ...pure.slice(0, index + 1).map((r) => `^src/${r}/`)])),
    {
      name: 'pure-rooms-do-no-io',
      comment: 'The middle is pure: no node:*, no packages that wait, no clock.',
      severity: 'error',
      from: { path: `^src/(${pure.join('|')})/` },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|crypto)$' },
    },
    {
      name: 'tickets-are-opaque',
      comment: 'What a ticket holds is known in its folder only; others have the interface of ticket.ts.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/pipeline/settle/' },
      to: { path: '^src/pipeline/settle/record-ticket\\.ts$' },
    },
    only('pipeline', [errors, ...pure.map((r) => `^src/${r}/`)]),
    only('rebuild', [errors, ports, ...pure.map((r) => `^src/${r}/`)]),
    ...adapters.map((room) => only(room, [errors, ports, ...rebuildPorts, '^src/(model|json)/'])),
    only('documents', [errors, ports, ...pure.map((r) => `^src/${r}/`)]),
    only('config', [errors, '^src/model/']),
    {
      name: 'kafkajs-is-patched-in-one-place',
      comment: 'What reaches into kafkajs stays behind the adapter of Kafka.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/kafka/' },
      to: { path: '^src/kafka/kafkajs/' },
    },
    {
      name: 'only-the-entry-and-the-commands-compose',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|main\\.ts|compose)' },
      to: { path: '^src/compose' },
    },
    { name: 'src-never-imports-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
    {
      name: 'src-uses-no-development-package',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
