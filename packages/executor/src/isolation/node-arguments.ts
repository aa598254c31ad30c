/** Flags that are about the program of this process, not about how it runs; true for those whose value may follow. */
const own: Readonly<Record<string, boolean>> = {
  '-e': true,
  '--eval': true,
  '-p': true,
  '-pe': true,
  '--print': true,
  '--input-type': true,
  '-i': false,
  '--interactive': false,
  '--test': false,
  '--watch': false,
  '--watch-path': true,
  '--watch-preserve-output': false,
  '--env-file': true,
  '--env-file-if-exists': true,
};

/** The flags of this process that its isolated agents run with too: conditions, loaders, type stripping, certificates. */
export function nodeArguments(memoryMb?: number, given: readonly string[] = process.execArgv): readonly string[] {
  const passed: string[] = [];
  for (let index = 0; index < given.length; index++) {
    const flag = given[index] as string;
    const [name = ''] = flag.split('=');
    // A debugger has one port, and it is taken.
    if (name.startsWith('--inspect') || name.startsWith('--test-')) continue;
    const takesValue = own[name];
    if (takesValue === undefined) passed.push(flag);
    else if (takesValue && name === flag) index++;
  }
  return memoryMb === undefined ? passed : [...passed, `--max-old-space-size=${memoryMb}`];
}
