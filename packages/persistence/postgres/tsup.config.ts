import { preset } from '../../../tooling/tsup.ts';

export default preset({ threads: ['src/heart-thread.ts'] });
