// A run in a network of its own, where packets can be lost: the kernel's, not those of a proxy.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const INSIDE = 'HOLDFAST_NAMESPACE'

const run = (command, ...args) => spawnSync(command, args, { encoding: 'utf8' })
const said = ({ stderr, error }) => (error?.message ?? stderr).trim()

/**
 * Starts this program again in a network namespace of its own, where the machine allows that, and ends
 * with its exit code. Else goes on here.
 *
 * @returns {string | null} why there is none; null in it
 */
export function ownNetwork() {
  if (process.env[INSIDE] === '1') {
    const up = run('ip', 'link', 'set', 'lo', 'up')
    // A server may start again while nothing reaches its address.
    writeFileSync('/proc/sys/net/ipv4/ip_nonlocal_bind', '1')
    return up.status === 0 ? null : `no loopback in the namespace: ${said(up)}`
  }
  const tools = run('ip', '-Version')
  if (tools.status !== 0) return `no iproute2: ${said(tools)}`
  const asRoot = ['--net']
  const asOther = ['--user', '--map-root-user', '--net']
  const how = process.getuid?.() === 0 ? asRoot : asOther
  // A network that was given is not enough: routes are what the faults are made of.
  const probe = 'ip link set lo up && ip route add blackhole 127.9.9.9/32 table local'
  const tried = run('unshare', ...how, 'sh', '-c', probe)
  if (tried.status !== 0) return `no network namespace: ${said(tried)}`
  const env = { ...process.env, [INSIDE]: '1' }
  const again = [...how, process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const { status } = spawnSync('unshare', again, { stdio: 'inherit', env })
  process.exit(status ?? 1)
}

/** Where packets to an address go: nowhere. Answers still come from there. */
export function loseTo(address) {
  const { status } = run('ip', 'route', 'add', 'blackhole', `${address}/32`, 'table', 'local')
  if (status !== 0) throw new Error(`no route to nowhere for ${address}`)
}

export function findAgain(address) {
  run('ip', 'route', 'del', 'blackhole', `${address}/32`, 'table', 'local')
}

/**
 * No connection is to begin at one of these ports, where something is to listen again: on a loopback one
 * that tries to reach a port on which nobody listens meets itself in the end.
 */
export function reserve(ports) {
  writeFileSync('/proc/sys/net/ipv4/ip_local_reserved_ports', ports.join(','))
}
