import { calls } from './calls.ts';
import { caught } from './caught.ts';
import { classes } from './classes.ts';
import { docs } from './docs.ts';
import { imports } from './imports.ts';
import { keys } from './keys.ts';
import { nullness } from './nullness.ts';
import { parameters } from './parameters.ts';
import { promises } from './promises.ts';
import { properties } from './properties.ts';
import type { Recipe } from './recipe.ts';
import { spelling } from './spelling.ts';
import { context } from './this.ts';
import { unused } from './unused.ts';
import { values } from './values.ts';
import { variables } from './variables.ts';

/** All who repair, in no particular order: who gets a task is the router's decision. */
export const recipes: readonly Recipe[] = [
  calls,
  caught,
  classes,
  context,
  docs,
  imports,
  keys,
  nullness,
  parameters,
  promises,
  properties,
  spelling,
  unused,
  values,
  variables,
];
