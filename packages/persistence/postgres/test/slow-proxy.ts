import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** How long an answer is on its way: longer than everything that is sent together takes to be sent. */
const answerMs = 15;

/** Stands between a store and its server like a long line, and counts how often the store waits for an answer. */
export interface SlowProxy {
  readonly port: number;
  /** Round trips so far, on all connections. */
  readonly trips: number;
  close(): Promise<void>;
}

export async function startSlowProxy(serverPort: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>();
  let trips = 0;
  const listener = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let isAnswered = true;
    client.on('data', (data) => {
      if (isAnswered) trips++;
      isAnswered = false;
      server.write(data);
    });
    server.on('data', (data) => {
      setTimeout(() => {
        isAnswered = true;
        client.write(data);
      }, answerMs);
    });
    server.on('close', () => client.destroy());
    client.on('close', () => server.end());
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    get trips() {
      return trips;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
