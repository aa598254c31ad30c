/** What a program needs to find its tools, its language and its files, on any system, and what Node reads. Nothing secret. */
const passed = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR', 'TMP', 'TEMP'],
  ...['NODE_ENV', 'NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_COMPILE_CACHE'],
  ...['SYSTEMROOT', 'WINDIR', 'COMSPEC', 'PATHEXT', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA'],
];

/** Variables, all of which have a value. */
export type Environment = Readonly<Record<string, string>>;

/** The environment of an isolated agent: what every program needs, and what was given. */
export function makeEnvironment(given: Readonly<Record<string, string | undefined>> = {}): Environment {
  const inherited = Object.entries(process.env).filter(
    ([name]) => passed.includes(name.toUpperCase()) || name.startsWith('LC_'),
  );
  const all = [...inherited, ...Object.entries(given)];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * Takes away what was not handed over. Node gives a thread what `--env-file` has read for the worker, and modules that are
 * loaded in advance, as `dotenv/config` is, read the files of the worker anew.
 */
export function keepOnly(names: readonly string[], environment = process.env): void {
  const kept = new Set(names);
  for (const name of Object.keys(environment)) if (!kept.has(name)) delete environment[name];
}
