// One fresh process of `startup`: imports the front door, opens the file that it is handed, and prints how long each took.
import { performance } from 'node:perf_hooks';

const agents = ['researcher', 'writer'].map((id) => ({ id, description: `The ${id}`, run: () => null }));

const importing = performance.now();
const { ServiceRegistry } = await import('@symphony/registry');
const opening = performance.now();
const symphony = await ServiceRegistry.open({ persistence: `sqlite:${process.argv[2]}`, agents });
const opened = performance.now();
await symphony.submit({ name: 'first' });
const submitted = performance.now();
await symphony.close();

console.log(
  JSON.stringify({
    'import the front door': opening - importing,
    'open()': opened - opening,
    'open() and the first submit()': submitted - opening,
  }),
);
