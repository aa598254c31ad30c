const { readFileSync, globSync } = require('node:fs');
const { posix, resolve } = require('node:path');

const root = resolve(__dirname, '..');

// The floors of docs/architecture.md, from the ground up. A room is a folder below packages/.
const floors = [
  ['core'],
  ['tracker', 'router', 'strategies/[^/]+', 'persistence/[^/]+'],
  ['executor'],
  ['registry'],
  ['symphony-ai', 'cli', 'server', 'dashboard', 'telemetry', 'engines/[^/]+', 'agents/[^/]+'],
];
const rooms = (list) => `^packages/(${list.join('|')})/`;
const anyRoom = rooms([...floors.flat(), 'testing']);
const test = '\\.test(-d)?\\.ts$|/test/';

const packages = globSync(['packages/*/package.json', 'packages/*/*/package.json'], {
  cwd: root,
  exclude: (path) => path.includes('node_modules'),
}).map((file) => ({ folder: posix.dirname(file), manifest: JSON.parse(readFileSync(resolve(root, file), 'utf8')) }));

// The source files that packages show: what `exports` answers under the source condition.
const shown = packages.flatMap(({ folder, manifest }) =>
  Object.values(manifest.exports)
    .filter((target) => typeof target === 'object')
    .map((target) => `^${posix.join(folder, target['@symphony/source'])}$`),
);

const folderOf = (name) => packages.filter(({ manifest }) => manifest.name === name).map(({ folder }) => `^${folder}/`);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'Files do not import in circles.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...floors.slice(0, -1).map((floor, level) => ({
      name: `floor-${level}-looks-down`,
      comment: 'Imports run downwards only.',
      severity: 'error',
      from: { path: rooms(floor), pathNot: test },
      to: { path: rooms(floors.slice(level + 1).flat()) },
    })),
    ...floors.map((floor, level) => ({
      name: `floor-${level}-closed-rooms`,
      comment: 'Rooms on one floor never open into each other.',
      severity: 'error',
      from: { path: rooms(floor), pathNot: test },
      to: { path: rooms(floor), pathNot: '^packages/$1/' },
    })),
    {
      name: 'testing-is-for-tests',
      comment: 'Only tests and examples use @symphony/testing, and it stands on core alone.',
      severity: 'error',
      from: { path: rooms(floors.flat()), pathNot: test },
      to: { path: '^packages/testing/' },
    },
    {
      name: 'testing-stands-on-core',
      comment: '@symphony/testing imports nothing but core.',
      severity: 'error',
      from: { path: '^packages/testing/' },
      to: { path: anyRoom, pathNot: '^packages/(core|testing)/' },
    },
    {
      name: 'packages-know-no-example',
      comment: 'Packages never import examples.',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^examples/' },
    },
    {
      name: 'no-deep-import',
      comment: 'A package is entered through its exports, by its name.',
      severity: 'error',
      from: { path: anyRoom },
      to: { path: anyRoom, pathNot: ['^packages/$1/', ...shown] },
    },
    {
      name: 'no-path-into-a-package',
      comment: 'A package is entered through its exports, by its name.',
      severity: 'error',
      from: { path: anyRoom },
      to: { path: anyRoom, pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'no-deep-import-from-examples',
      comment: 'Examples see what users see.',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^packages/', pathNot: shown },
    },
    {
      name: 'inversify-at-the-seams',
      comment: 'Only module.ts files and the registry know the container.',
      severity: 'error',
      from: { path: '^packages/', pathNot: ['^packages/registry/', '/module\\.ts$', test] },
      to: { path: 'node_modules/(inversify|reflect-metadata)/' },
    },
    {
      name: 'only-declared',
      comment: 'What a package imports stands in its package.json.',
      severity: 'error',
      from: { path: '^(packages|examples)/', pathNot: test },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown'], dependencyTypesNot: ['npm-peer'] },
    },
    ...packages.map(({ folder, manifest }) => ({
      name: 'only-declared-packages',
      comment: 'Outside of tests, a package imports only those of ours that its dependencies name.',
      severity: 'error',
      from: { path: `^${folder}/`, pathNot: test },
      to: { path: anyRoom, pathNot: [`^${folder}/`, ...Object.keys(manifest.dependencies ?? {}).flatMap(folderOf)] },
    })),
    {
      name: 'resolvable',
      comment: 'Every import is found.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'core-is-pure',
      comment: 'Core does no I/O: it imports nothing, not even from Node.',
      severity: 'error',
      from: { path: '^packages/core/', pathNot: test },
      to: { pathNot: '^packages/core/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/(dist|coverage)/|/tsup\\.config\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: resolve(root, 'tsconfig.json') },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@symphony/source', 'import', 'node', 'default', 'types'],
    },
  },
};
