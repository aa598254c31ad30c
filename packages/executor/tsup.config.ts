import { preset } from '../../tooling/tsup.ts';

export default preset({
  threads: ['src/isolation/thread.ts', 'src/isolation/process.ts', 'src/isolation/watchdog.ts'],
});
