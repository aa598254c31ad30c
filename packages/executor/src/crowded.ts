import { setMaxListeners } from 'node:events';

/** The same controller. Many listen to its signal for good reasons, and Node is not to warn of a leak. */
export function crowded(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}

/** A signal that aborts with the given one, and that many may listen to. */
export function crowdedSignal(signal: AbortSignal): AbortSignal {
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return own;
}
