// One fresh process of `startup`: imports the front door, opens the file that it is handed, and prints both times.
const importing = performance.now();
const { ServiceRegistry } = await import('@symphony/registry');
const opening = performance.now();
const symphony = await ServiceRegistry.open({ persistence: `sqlite:${process.argv[2]}` });
const opened = performance.now();
await symphony.close();
console.log(JSON.stringify({ importMs: opening - importing, openMs: opened - opening }));
