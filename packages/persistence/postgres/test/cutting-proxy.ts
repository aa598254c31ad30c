import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What becomes of a connection on which a COMMIT is sent. */
export type Cut = 'before' | 'after' | undefined;

/** Stands between a store and its server, and cuts the line when a transaction is to be committed. */
export interface CuttingProxy {
  readonly port: number;
  /** `before`: the next COMMIT never reaches the server. `after`: it does, and its answer is lost. */
  cut: Cut;
  /** Lines that were cut. */
  readonly cuts: number;
  /** Runs after a cut; until it is over, nobody gets through. */
  onCut: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

/** A COMMIT as a client sends it. */
const commit = Buffer.from('COMMIT\0');

export async function startProxy(serverPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const proxy = { cut: undefined as Cut, cuts: 0, onCut: undefined as CuttingProxy['onCut'] };
  let way: Promise<void> = Promise.resolve();
  const listener = createServer((client) => {
    client.on('error', () => undefined);
    void way.then(() => join(client));
  });
  const join = (client: Socket): void => {
    const server = connect(serverPort, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    server.on('data', (data) => client.write(data));
    server.on('close', () => client.destroy());
    client.on('close', () => server.end());
    client.on('data', (data) => {
      if (proxy.cut === undefined || !data.includes(commit)) return void server.write(data);
      const reaches = proxy.cut === 'after';
      proxy.cut = undefined;
      proxy.cuts++;
      server.removeAllListeners('data');
      server.on('data', () => undefined);
      if (reaches) server.write(data);
      way = proxy.onCut?.() ?? way;
      client.destroy();
    });
  };
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, {
    port: (listener.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  });
}
