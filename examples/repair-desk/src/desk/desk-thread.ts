// A thread with a compiler: the one that edits a unit's files, or one that only thinks. The compiler is busy for seconds on end.
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { recipes } from '../agents/index.ts';
import { Bench } from './bench.ts';
import { Compiler } from './compiler.ts';
import { Desk } from './desk.ts';
import type { DeskAnswer, DeskCall, ThreadPlace } from './desk-link.ts';
import { propose } from './propose.ts';

const { unit, original, repaired, ledger, edits } = workerData as ThreadPlace;
const compiler = (): Compiler => new Compiler(unit, repaired);
const desk = edits ? new Desk({ unit, original, repaired, ledger, compiler }) : undefined;
const bench = desk?.bench ?? new Bench({ compiler: compiler(), root: unit.root, mayReveal: unit.mayReveal });

parentPort!.on('message', ({ id, call }: { readonly id: number; readonly call: DeskCall }) => {
  parentPort!.postMessage({ id, ...answer(call) });
});

function answer(call: DeskCall): DeskAnswer {
  try {
    return { value: act(call) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function act(call: DeskCall): unknown {
  switch (call.type) {
    case 'propose': {
      const recipe = recipes.find(({ id }) => id === call.agent);
      if (recipe === undefined) throw new RangeError(`There is no recipe ${call.agent}`);
      return propose(recipe, bench, call.editId, call.problem);
    }
    case 'reload':
      return bench.compiler.reload(join(unit.root, call.file));
    case 'apply':
      return desk!.apply(call.edit);
    case 'judge':
      return desk!.judge(call.edit);
    case 'undo':
      return desk!.undo(call.edit);
    case 'tidyUp':
      return desk!.tidyUp();
  }
}
