import { events } from './events.js'
import type { Runtime } from './runtime.js'

// Smaller differences are slewing and the grain of the clocks.
const JUMP_MS = 20

/**
 * Local time: monotonic time plus the sum of the forward jumps that the wall or the boot clock made
 * against it. On Linux the monotonic clock stands still while a machine sleeps, and leases do not.
 * It never goes back; a jump makes every earlier comparison with a server's clock worthless.
 * (safety.md H07, H08; design, section 4.)
 */
export class LocalClock {
  readonly #runtime: Runtime
  readonly #onJump = new Set<() => void>()
  #jumps = 0
  #monotonic: number
  #wall: number
  #boot: number
  #bootMonotonic: number
  #jumpsAtBoot = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#monotonic = runtime.monotonic()
    this.#wall = runtime.wall()
    this.#boot = runtime.boot()
    this.#bootMonotonic = this.#monotonic
  }

  /** Local time in ms, from an arbitrary zero. */
  now(): number {
    const monotonic = this.#runtime.monotonic()
    const wall = this.#runtime.wall()
    const ahead = wall - this.#wall - (monotonic - this.#monotonic)
    this.#monotonic = monotonic
    this.#wall = wall
    if (ahead > JUMP_MS) this.#jump(ahead)
    // A step of the wall clock, either way, may hide that the machine slept.
    if (Math.abs(ahead) > JUMP_MS) this.#lookAtBoot(monotonic)
    return monotonic + this.#jumps
  }

  /** Looks at the boot clock too: too costly for every reading, so the renewal timer does it. */
  checkBoot(): void {
    this.#lookAtBoot(this.now() - this.#jumps)
  }

  #lookAtBoot(monotonic: number): void {
    const boot = this.#runtime.boot()
    const asleep = boot - this.#boot - (monotonic - this.#bootMonotonic)
    // What the wall clock has told already is not counted twice.
    const unseen = asleep - (this.#jumps - this.#jumpsAtBoot)
    if (unseen > JUMP_MS) this.#jump(unseen)
    this.#boot = boot
    this.#bootMonotonic = monotonic
    this.#jumpsAtBoot = this.#jumps
  }

  /** Timers do not count what the clock jumps over. @returns ends it. */
  onJump(callback: () => void): () => void {
    this.#onJump.add(callback)
    return () => this.#onJump.delete(callback)
  }

  #jump(ms: number): void {
    this.#jumps += ms
    for (const callback of this.#onJump) callback()
    events.clockStep({ clock: 'local', ms, run: null })
  }
}
