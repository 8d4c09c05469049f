/**
 * Whether a process is alive. One that may not be signalled (EPERM) is. Zero and negative numbers name groups of
 * processes to kill(2), so they are no process.
 */
export function isProcessAlive(pid: number): boolean {
  if (pid <= 0) {
    return false;
  }
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
