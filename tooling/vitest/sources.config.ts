import { defineConfig } from 'vitest/config';
import { sourceCondition } from '../workspace.ts';

const conditions = [sourceCondition, 'module', 'node', 'development|production'];

/** For packages that are not of this workspace and are tested against its sources: `vitest run --root FOLDER --config …`. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { testTimeout: 15_000, include: ['src/**/*.test.ts'] },
});
