import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { wait } from './agents.ts';
import type { Cut } from './evidence.ts';

/** A COMMIT as a client sends it. */
const commit = Buffer.from('COMMIT\0');

/** A client and the server it talks to, and what becomes of the bytes between them. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes that arrive wait for this. */
  gate: Promise<void>;
}

/** Stands between one process and its server, and spoils the line. */
export class CuttingLine {
  readonly #serverPort: number;
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  /** What to do with the next COMMIT, and who is to be told that it was done. */
  #trap: { readonly how: 'unsent' | 'unanswered'; readonly sprung: () => void } | undefined;
  /** Set while nothing comes through, or everything late. */
  #gate: Promise<void> | undefined;
  #lateMs = 0;

  static async start(serverPort: number): Promise<CuttingLine> {
    const line = new CuttingLine(serverPort);
    await new Promise<void>((resolve) => line.#listener.listen(0, '127.0.0.1', resolve));
    return line;
  }

  private constructor(serverPort: number) {
    this.#serverPort = serverPort;
    this.#listener = createServer({ noDelay: true }, (client) => this.#join(client));
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Connections that stand. */
  get size(): number {
    return this.#links.size;
  }

  /** Spoils the line; resolves when it is as before, to whether anything was spoiled. */
  async cut(how: Cut, ms: number): Promise<boolean> {
    switch (how) {
      case 'reset':
        return this.#resetAll() > 0;
      case 'unsent':
      case 'unanswered':
        return this.#trapCommit(how, ms);
      case 'hole': {
        if (this.#links.size === 0) return false;
        this.#gate = wait(ms);
        await this.#gate;
        this.#gate = undefined;
        // Half of the holes end as those of a router that has forgotten the connection.
        if (ms % 2 === 0) this.#resetAll();
        return true;
      }
      case 'slow':
        this.#lateMs = 50;
        await wait(ms);
        this.#lateMs = 0;
        return this.#links.size > 0;
    }
  }

  async close(): Promise<void> {
    this.#resetAll();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #join(client: Socket): void {
    const server = connect({ port: this.#serverPort, host: '127.0.0.1', noDelay: true });
    const link: Link = { client, server, gate: Promise.resolve() };
    this.#links.add(link);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#links.delete(link);
        other.destroy();
      });
    }
    client.on('data', (data) => {
      if (this.#trap !== undefined && data.includes(commit)) this.#spring(link, data);
      else this.#pass(link, server, data);
    });
    server.on('data', (data) => this.#pass(link, client, data));
  }

  /** Hands bytes on, at once or when the line lets them through; always in their order. */
  #pass(link: Link, to: Socket, data: Buffer): void {
    const late = this.#lateMs > 0 ? wait(this.#lateMs) : undefined;
    const gate = this.#gate;
    const earlier = link.gate;
    const write = (): void => {
      if (!to.destroyed) to.write(data);
    };
    link.gate = earlier.then(async () => {
      await gate;
      await late;
      write();
    });
  }

  #trapCommit(how: 'unsent' | 'unanswered', ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        this.#trap = undefined;
        resolve(false);
      }, ms);
      const sprung = (): void => {
        clearTimeout(giveUp);
        resolve(true);
      };
      this.#trap = { how, sprung };
    });
  }

  /** The client never hears what became of its COMMIT. */
  #spring(link: Link, data: Buffer): void {
    const trap = this.#trap;
    this.#trap = undefined;
    link.server.removeAllListeners('data');
    link.server.on('data', () => undefined);
    link.client.removeAllListeners('close');
    void link.gate.then(() => {
      if (trap?.how === 'unanswered') link.server.end(data);
      else link.server.destroy();
      link.client.resetAndDestroy();
      this.#links.delete(link);
      trap?.sprung();
    });
  }

  #resetAll(): number {
    const links = [...this.#links];
    for (const { client, server } of links) {
      client.resetAndDestroy();
      server.destroy();
    }
    this.#links.clear();
    return links.length;
  }
}
