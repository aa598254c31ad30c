/** The file that starts in a thread or process: beside this one, from sources as from what was built. */
export function entry(name: 'thread' | 'process' | 'watchdog'): URL {
  const own = import.meta.url;
  return new URL(`./${name}.${own.endsWith('.ts') ? 'ts' : 'js'}`, own);
}
