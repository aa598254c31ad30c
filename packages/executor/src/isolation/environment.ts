/** What a program needs to find its tools, its language and its files, on any system, and what Node reads. Nothing secret. */
const passed = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR', 'TMP', 'TEMP'],
  ...['NODE_ENV', 'NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_COMPILE_CACHE'],
  ...['SYSTEMROOT', 'WINDIR', 'COMSPEC', 'PATHEXT', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA'],
];

/** The environment of an isolated agent: what every program needs, and what was given. */
export function makeEnvironment(given: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => passed.includes(name.toUpperCase()) || name.startsWith('LC_'),
  );
  const all = [...inherited, ...Object.entries(given)];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
