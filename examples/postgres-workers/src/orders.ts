import type { SubmitTask } from '@symphony/registry';

/** A task that is to be done once, however often it is handed in. */
export type Order = SubmitTask & { readonly idempotencyKey: string };

/** What there is to do: reports, among them interviews, and first of all something to watch. */
export const orders: readonly Order[] = [
  { name: 'watch the market', agentId: 'monitor', priority: 10, idempotencyKey: 'watch' },
  ...Array.from({ length: 100 }, (_, index): Order => {
    const number = index + 1;
    const agentId = number % 10 === 0 ? 'interviewer' : 'reporter';
    return {
      name: `order ${number}`,
      agentId,
      input: { subject: `order ${number}` },
      retry: { initialDelayMs: 200 },
      idempotencyKey: `order-${number}`,
    };
  }),
];
