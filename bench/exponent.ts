/** The exponent of a growth from one size to another: 1 where twice the size costs twice as much. */
export const exponentOf = (
  [fromSize, toSize]: readonly number[],
  [fromCost, toCost]: readonly number[],
): number => Math.log(toCost / fromCost) / Math.log(toSize / fromSize);
