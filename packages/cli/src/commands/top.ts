import type { Key } from 'node:readline'
import { isatty } from 'node:tty'
import type { Command } from 'commander'
import { connect } from '../connect.js'
import { Silent, usage } from '../exit.js'
import { interruptible, unlessAborted } from '../interrupt.js'
import { looks } from '../looks.js'
import {
  intervalOption,
  listOptions,
  namesOptions,
  sharedOptions,
  type NamesOptions,
  type SharedOptions,
} from '../options.js'
import { outputOf } from '../output.js'
import { note } from '../reason.js'
import type { Seen, View } from '../top/frame.js'

interface Options extends SharedOptions, NamesOptions {
  readonly interval: number
}

export function define(command: Command): void {
  const own = command
    .description(
      'Shows who holds what, the most contended first, and again after each interval. Keys: s another order, r the ' +
        'other way round, / a filter (Esc ends it), arrows and j k to scroll, q to quit.',
    )
    .argument('[pattern]', 'a glob: * ? [ab]', '*')
  sharedOptions(namesOptions(intervalOption(own), 10_000, 'in each look')).action(top)
}

async function top(pattern: string, options: Options): Promise<void> {
  const output = outputOf(options)
  if (!output.json && !(isatty(0) && isatty(1))) {
    throw usage('top needs a terminal; see --json, ls and watch')
  }
  const stop = interruptible(['SIGQUIT'])
  await using connection = await unlessAborted(stop.signal, connect(options))
  const watched = connection.locks.watch(pattern, listOptions(options))
  if (output.json) {
    await looks(watched, options.interval, stop.signal, {
      look: ({ states, complete }) =>
        output.one({ event: 'look', at: new Date().toISOString(), complete, states }, () => ''),
      trouble: (message) => note('unavailable', `${message}; trying again`, true),
    })
  }
  const where = `${connection.servers.join(' ')}  ${options.prefix}${pattern}`
  let seen: Seen = { look: null, trouble: null, where, at: new Date() }
  const view: View = { sort: 'waiting', reverse: false, filter: '', typing: false, above: 0 }
  const [{ frame }, { press }, { Screen }] = await Promise.all([
    import('../top/frame.js'),
    import('../top/keys.js'),
    import('../top/screen.js'),
  ])
  const quit = new AbortController()
  const draw = (): void => screen.show(frame(seen, view, ...screen.size))
  const key = (pressed: Key): void => {
    const end = press(view, pressed, screen.size[1])
    if (end === 'quit') quit.abort(new Silent(0))
    else if (end === 'suspend') screen.suspend()
    else draw()
  }
  const screen = new Screen(process.stdin, process.stdout, {
    key,
    draw,
    gone: () => quit.abort(new Silent(0)),
  })
  try {
    screen.enter()
    draw()
    const signal = AbortSignal.any([stop.signal, quit.signal])
    await looks(watched, options.interval, signal, {
      look: (look) => {
        seen = { look, trouble: null, where, at: new Date() }
        draw()
      },
      trouble: (message) => {
        seen = { ...seen, trouble: message }
        draw()
      },
    })
  } finally {
    screen.close()
  }
}
