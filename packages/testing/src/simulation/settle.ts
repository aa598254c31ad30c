/** Turns after which time goes on all the same: something may keep the loop busy for ever. */
const longest = 2_000;

/** Waits until nothing is under way in this thread: one step of a simulation is over before the next begins. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < longest; turns++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (!process.getActiveResourcesInfo().some(isWork)) return;
  }
}

function isWork(resource: string): boolean {
  return resource === 'Immediate' || resource.startsWith('FSReq');
}
