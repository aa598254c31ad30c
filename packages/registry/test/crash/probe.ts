import { ServiceRegistry } from '@symphony/registry';
const t0 = performance.now();
const s = await ServiceRegistry.open({ persistence: 'sqlite:' + process.argv[2], agents: [{ id: 'a', run: () => 1 }] });
const t1 = performance.now();
await s.startWorker();
console.log((performance.timeOrigin, t0).toFixed(0), (t1 - t0).toFixed(0), performance.now().toFixed(0), process.cpuUsage());
await s.close();
