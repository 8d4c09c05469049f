/** Exit statuses of the program. */
export const EXIT = { clean: 0, lost: 1, usage: 2 } as const;
