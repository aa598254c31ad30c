import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { plantOfProcess, planted } from './plant.ts';

const plant = plantOfProcess();

/** The suite with one bug in it, planted on the way into a test: no file is changed. */
export default mergeConfig(
  base,
  defineConfig({
    plugins: [
      {
        name: 'plant',
        enforce: 'pre',
        transform: (text: string, id: string) => (plant === undefined ? undefined : planted(plant, id, text)),
      },
    ],
  }),
);
