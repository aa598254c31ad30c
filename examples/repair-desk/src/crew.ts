import type { Agent } from '@symphony/registry';
import { recipes } from './agents/index.ts';
import { needsAHuman } from './agents/needs-a-human.ts';
import { repairAgent } from './agents/repair-agent.ts';
import { DeskLink } from './desk/desk-link.ts';
import { Logbook } from './logbook.ts';
import type { Place } from './place.ts';
import type { Plan } from './plan.ts';

/** Opens a desk for each unit, which sets right what a killed worker left half done, and brings in the agents. */
export function openCrew(place: Place, { units, seats }: Plan): Agent[] {
  const logbook = new Logbook(place.logbook);
  const desks = new Map(units.map((unit) => [unit.name, new DeskLink(place.desk(unit, seats))]));
  const deskOf = (name: string): DeskLink => {
    const desk = desks.get(name);
    if (desk === undefined) throw new RangeError(`There is no desk for ${name}`);
    return desk;
  };
  return [...recipes.map((recipe) => repairAgent(recipe, deskOf, logbook)), needsAHuman(logbook)];
}
