import { ServiceRegistry, type OpenOptions } from '@symphony/registry';
import { openStore } from './open-store.ts';

/** The config that this program was started with; see {@link Crew.start}. The program ends when its supervisor is gone. */
export function readConfig<Config>(): Config {
  process.once('disconnect', () => process.exit(3));
  return JSON.parse(process.argv[2] ?? '') as Config;
}

/** What a worker process serves. */
export interface ServeOptions extends Omit<OpenOptions, 'persistence'> {
  /** Where the store is; see {@link openStore}. */
  readonly store: string;
  readonly concurrency: number;
}

/** The life of a worker process: tells its supervisor when it is ready, works until it is asked to stop, and ends. */
export async function serve({ store: place, concurrency, ...options }: ServeOptions): Promise<never> {
  const store = await openStore(place);
  const symphony = await ServiceRegistry.open({ ...options, persistence: store });
  const worker = await symphony.startWorker({ concurrency });
  process.send?.('ready');
  await worker.stopOnSignals();
  await symphony.close();
  await store.close();
  process.exit(0);
}
