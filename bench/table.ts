/** A figure: its goal, if it has one, and what was measured of each build. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  /** Figures of at most this are good; `undefined` where a figure is only stated. */
  readonly goal?: number | undefined;
  readonly values: readonly number[];
}

/** Prints figures as they come, and keeps them. */
export class Table {
  readonly figures: Figure[] = [];

  heading(text: string): void {
    console.log(`\n${text}\n${''.padEnd(text.length, '-')}`);
  }

  figure(what: string, unit: string, values: readonly number[], goal?: number): void {
    const figure = { what, unit, values, goal };
    this.figures.push(figure);
    console.log(rowOf(figure));
  }
}

function rowOf({ what, unit, goal, values }: Figure): string {
  const shown = values.map((value) => textOf(value).padStart(9));
  const [first, second] = values;
  const ratio = second === undefined ? '' : `  ratio ${(first / second).toFixed(2)}`;
  const verdict = goal === undefined ? '' : first <= goal ? '  met' : `  missed by ${textOf(first - goal)}`;
  const bound = goal === undefined ? '' : `<= ${textOf(goal)}`;
  return `${what.padEnd(62)} ${bound.padStart(9)} ${shown.join(' ')} ${unit.padEnd(10)}${verdict}${ratio}`;
}

const textOf = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
