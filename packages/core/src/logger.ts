/** Where the library reports what nobody waits for. The shape is that of pino, console and most loggers. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Drops everything. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Writes warnings and errors to standard error, one line of JSON each. */
export const stderrLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: (details, message) => console.error(line('warn', details, message)),
  error: (details, message) => console.error(line('error', details, message)),
};

function ignore(): void {
  // nothing to do
}

function line(level: string, details: object, message: string): string {
  return JSON.stringify({ level, message, ...details }, (_key, value: unknown) =>
    value instanceof Error
      ? { name: value.name, message: value.message, code: (value as { code?: unknown }).code }
      : value,
  );
}
