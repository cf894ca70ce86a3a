/** @returns whether there was somebody to send it to; 0 is no signal, and only asks. */
export function sent(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    // Somebody is there whom we may not signal: a program that runs as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
