import type { Command } from 'commander'
import { createHash, timingSafeEqual } from 'node:crypto'
import { InvalidArgumentError, Option } from 'commander'
import type { DashboardOptions } from '@holdfast/dashboard'
import { connect } from '../connect.js'
import { usage } from '../exit.js'
import { interruptible, unlessAborted } from '../interrupt.js'
import { note } from '../reason.js'
import { serverOptions, whole, type ServerOptions } from '../options.js'

type Action = 'revoke' | 'force'

interface Options extends ServerOptions {
  readonly port: number
  readonly host: string
  readonly actions?: readonly Action[]
  readonly password?: string
  readonly election?: readonly string[]
}

export function define(command: Command): void {
  serverOptions(command)
    .description(
      'Serves a page that shows who holds and who waits, on this machine alone. It finds names without a SCAN where ' +
        'programs keep a history.',
    )
    .option('--port <port>', '0: any that is free', whole(0, 65_535), 4041)
    .option(
      '--host <host>',
      'where to listen; another than this machine needs a password',
      '127.0.0.1',
    )
    .option(
      '--actions <actions>',
      'what may be done from the page: revoke, force or both, with a comma; without, it only looks',
      actionsOf,
    )
    .addOption(
      new Option(
        '--password <password>',
        'asked for by the browser, with any user; better in the environment',
      ).env('HOLDFAST_UI_PASSWORD'),
    )
    .option(
      '--election <name>',
      'an election, or the beginning of names and a *; several times',
      several,
    )
    .action(ui)
}

const several = (value: string, before: readonly string[] = []): string[] => [...before, value]

function actionsOf(value: string): Action[] {
  const actions = value.split(',').map((one) => one.trim())
  if (actions.every((one) => one === 'revoke' || one === 'force')) return actions as Action[]
  throw new InvalidArgumentError('It is none of revoke, force and revoke,force.')
}

async function ui({ port, host, actions, password, election, ...server }: Options): Promise<void> {
  if (password === '') throw usage('the password is empty')
  const stop = interruptible()
  const { createDashboard, serve } = await import('@holdfast/dashboard')
  await using connection = await unlessAborted(
    stop.signal,
    connect(
      server,
      {},
      {
        away: (message) => note('away', `${message}; the page says so until they answer`, false),
        back: () => note('back', 'the servers answer', false),
      },
    ),
  )
  const dashboard = createDashboard(connection.locks, {
    actions: actions ?? false,
    elections: election ?? [],
    title: connection.servers.join(' '),
    ...(password === undefined ? {} : { authorize: basic(password) }),
  })
  let served
  try {
    served = await serve(dashboard, { port, host })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_INVALID_ARGUMENT') throw usage(`cannot listen on ${host}:${port}: ${message}`)
    throw usage(`whoever reaches ${host} could look: set HOLDFAST_UI_PASSWORD, or leave out --host`)
  }
  process.stderr.write(`holdfast: the page is at ${served.url}\n`)
  try {
    // It may have come while this connected.
    await unlessAborted(stop.signal, new Promise<never>(() => undefined))
  } finally {
    await served.close()
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The password by HTTP's own log-in; whatever the user calls himself is told to the audit. */
function basic(password: string): NonNullable<DashboardOptions['authorize']> {
  const wanted = digest(password)
  return (request) => {
    const [, given = ''] =
      /^Basic ([A-Za-z0-9+/=]+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
    const [, user = '', told = ''] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(given, 'base64').toString()) ?? []
    if (timingSafeEqual(digest(told), wanted)) return user || true
    const headers = { 'www-authenticate': 'Basic realm="holdfast", charset="UTF-8"' }
    return new Response('the password, please', { status: 401, headers })
  }
}
