import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { quotedPath, UsageError } from '../usage-error.js';

/** A file that is named on the command line or in the environment. */
export interface NamedFile {
  readonly path: string;
  /** The flag or variable that names it. */
  readonly source: string;
  /** What it should be, with its article. */
  readonly kind: string;
}

/** A change of the files. */
export interface FileChange {
  readonly kind: 'renewed' | 'broken' | 'mended';
  /** What is wrong, and with which file; empty unless broken. */
  readonly problem: string;
}

/**
 * What is made of some files, made again when one has changed: has another inode, size or time. Nothing is watched in
 * between, because Kubernetes renews files by swapping a symbolic link, of which a watch of the file learns nothing. While
 * what lies there cannot be used, the last that could be stays in use.
 */
export class WatchedFiles<Name extends string, T> {
  readonly #files: Readonly<Record<Name, NamedFile>>;
  readonly #parse: (texts: Readonly<Record<Name, string>>) => T;
  readonly #onChange: (change: FileChange) => void;
  #seen: string;
  #texts: Readonly<Record<Name, string>>;
  #value: T;
  #problem = '';

  /**
   * @param parse called with the contents by the same names; throws for what cannot be used, and its message goes to `onChange`
   * @param onChange called once when a trouble begins and once when it ends, and for each renewal
   * @throws {UsageError} for a file that cannot be read; and what `parse` throws
   */
  constructor(
    files: Readonly<Record<Name, NamedFile>>,
    parse: (texts: Readonly<Record<Name, string>>) => T,
    onChange: (change: FileChange) => void,
  ) {
    this.#files = files;
    this.#parse = parse;
    this.#onChange = onChange;
    // Before they are read: what changes meanwhile is read once more.
    this.#seen = this.#look();
    this.#texts = this.#read();
    this.#value = parse(this.#texts);
  }

  /** The newest that could be used, as `current` last found it. */
  get latest(): T {
    return this.#value;
  }

  /** The newest that could be used. */
  current(): T {
    const seen = this.#look();
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#renew();
    }
    return this.#value;
  }

  #renew(): void {
    const before = this.#problem;
    try {
      const texts = this.#read();
      const isNew = this.#entries().some(([name]) => texts[name] !== this.#texts[name]);
      // Parsed also if it is what it was: its permissions may have changed.
      const value = this.#parse(texts);
      this.#problem = '';
      if (isNew) {
        this.#texts = texts;
        this.#value = value;
      }
      if (isNew || before !== '') {
        this.#onChange({ kind: before === '' ? 'renewed' : 'mended', problem: '' });
      }
    } catch (error) {
      this.#problem = (error as Error).message;
      if (before === '') {
        this.#onChange({ kind: 'broken', problem: this.#problem });
      }
    }
  }

  #read(): Readonly<Record<Name, string>> {
    return Object.fromEntries(this.#entries().map(([name, file]) => [name, contentsOf(file)])) as Record<
      Name,
      string
    >;
  }

  #look(): string {
    return this.#entries()
      .map(([, { path }]) => identityOf(path))
      .join('\n');
  }

  #entries(): [Name, NamedFile][] {
    return Object.entries(this.#files) as [Name, NamedFile][];
  }
}

/**
 * The contents of a file.
 *
 * @throws {UsageError} for what is no regular file, or cannot be read
 */
export function contentsOf({ path, source, kind }: NamedFile): string {
  try {
    return regularContents(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `${source}: cannot read ${quotedPath(path)} (${code ?? message}): expected ${kind} that this user may read`,
    );
  }
}

/** A pipe could keep the program waiting for ever, and a device never end. */
function regularContents(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() && !stat.isDirectory()) {
      throw new Error('no regular file');
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function identityOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
