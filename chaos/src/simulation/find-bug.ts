import { plantedBugs, type PlantedBug } from './planted-bugs.ts';

/** The planted bug of that name. */
export function findBug(name: string): PlantedBug {
  const found = plantedBugs.find(({ bug }) => bug === name);
  if (found !== undefined) return found;
  const known = plantedBugs.map(({ bug }) => `  ${bug}`).join('\n');
  throw new Error(`The simulation knows no bug "${name}". It knows:\n${known}`);
}
