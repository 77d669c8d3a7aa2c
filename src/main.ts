#!/usr/bin/env -S node --max-semi-space-size=32 --v8-pool-size=1
// The only file that an old Node must be able to read: no static import, no syntax younger than Node 12.
const oldestMajor = 22;
const oldestMinor = 18;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
  process.stderr.write(
    `Sluice needs Node.js ${oldestMajor}.${oldestMinor} or later, and ${process.execPath} is ${process.version}: install a newer Node.js and put it first on the PATH.\n`,
  );
  process.exitCode = 2;
} else {
  void import('./cli/enter.ts').then(({ enter }) => enter());
}
