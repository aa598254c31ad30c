/** Not an agent, and not the default export either. */
export const nothing = 1;
