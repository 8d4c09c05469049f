/** An environment variable that gives the value of a flag. */
export interface FlagVariable {
  readonly name: string;
  /** Whether its value is a whole number of milliseconds, as OpenTelemetry writes durations. Default: as the flag's. */
  readonly isMillis?: boolean;
}

/** A flag of the command line. */
export interface Flag {
  readonly name: string;
  /** Name of its value in help; none for a switch. */
  readonly value?: string;
  /** The words that it takes, where it takes only some. */
  readonly choices?: readonly string[];
  /** What a shell completes its value with. Default: `choices`, or nothing. */
  readonly completes?: 'files' | 'directories' | 'users';
  readonly repeatable?: boolean;
  /** The default, as one would type it. */
  readonly default?: string;
  /** Where the flag is not given, the first of these that is set gives the value. An empty one counts as not set. */
  readonly variables?: readonly FlagVariable[];
  readonly description: string;
}

/** A command of the program. */
export interface Command {
  readonly name: string;
  /** One sentence for the list of commands, then paragraphs. */
  readonly description: readonly string[];
  /** The word that it takes. Default: none. */
  readonly argument?: { readonly name: string; readonly choices: readonly string[] };
  /** The path that it takes after that word. Default: none. */
  readonly operand?: { readonly name: string };
  readonly flags: readonly Flag[];
  /** Without the program's name. */
  readonly examples: readonly string[];
}

/** An environment variable that is no other form of a flag. */
export interface Variable {
  readonly name: string;
  /** Commands that heed it. */
  readonly commands: readonly string[];
  readonly description: string;
}
