// The thread of one desk: the compiler is busy for seconds on end, and two packages are repaired at the same time.
import { parentPort, workerData } from 'node:worker_threads';
import { recipes } from '../agents/index.ts';
import { openCompiler } from './open-compiler.ts';
import { Desk } from './desk.ts';
import type { DeskAnswer, DeskCall, DeskPlace } from './desk-link.ts';
import { propose } from './propose.ts';

const { name, folder, ledger } = workerData as DeskPlace;
const desk = new Desk({ package: name, folder, ledger, compiler: () => openCompiler(folder) });

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
      return propose(recipe, desk, call.editId, call.problem);
    }
    case 'apply':
      return desk.apply(call.edit);
    case 'judge':
      return desk.judge(call.edit);
    case 'undo':
      return desk.undo(call.edit);
    case 'tidyUp':
      return desk.tidyUp();
  }
}
