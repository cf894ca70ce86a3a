import { spawn, type ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'

const living = new Map<ChildProcess, string>()
let watching = false

/** Waits for the pipe from this process to close, which happens however this process ends. */
const watch = 'while read -r _; do :; done; kill -9 "$1"; rm -rf "$2"'

/**
 * Sees to it that a server does not outlive this process. A normal end is dealt with at once, in
 * an `exit` handler. Test runners end their workers by a signal, of which no handler learns: for
 * that case a shell waits beside each server.
 */
export function guard(server: ChildProcess, folder: string): void {
  living.set(server, folder)
  const args = ['-c', watch, 'sh', String(server.pid), folder]
  // In a group of its own, or Ctrl-C would end it first.
  const shell = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  shell.on('error', () => {}) // Where there is no shell, the exit handler has to do.
  shell.stdin?.on('error', () => {})
  shell.unref()
  ;(shell.stdin as Socket | null)?.unref()
  server.once('exit', () => {
    // The server's pid may soon be another's.
    shell.kill('SIGKILL')
    shell.stdin?.destroy()
    living.delete(server)
  })

  if (watching) return
  watching = true
  process.on('exit', () => {
    for (const [one, itsFolder] of living) {
      one.kill('SIGKILL')
      rmSync(itsFolder, { recursive: true, force: true })
    }
  })
}
