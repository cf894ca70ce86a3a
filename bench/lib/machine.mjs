// What the figures were taken on.
import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

/** The version of each package, by the name that it has in bench/package.json. */
function versions() {
  return Object.fromEntries(
    Object.entries(own.dependencies).map(([name, wanted]) => [
      name,
      wanted.slice(wanted.lastIndexOf('@') + 1),
    ]),
  )
}

export function machine({ engine, version }) {
  const [cpu] = cpus()
  return {
    date: new Date().toISOString(),
    node: process.version,
    server: `${engine} ${version}`,
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    /** Of others: it is asked before anything is measured. */
    load: Number(loadavg()[0].toFixed(1)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    versions: versions(),
  }
}
