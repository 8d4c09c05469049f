/**
 * Whether a process exists. One that this user may not signal (EPERM) does. For kill(2) zero and negative numbers are
 * groups of processes, so they are not a process.
 */
export function doesProcessExist(pid: number): boolean {
  if (pid <= 0) {
    return false;
  }
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
