// The conformance suite on the server of a URL, with ioredis, without a test runner.
import { Redis } from 'ioredis'
import { conformance } from 'holdfast/testing'

const url = process.argv[2]
const admin = new Redis(url)
const cases = conformance({
  flushScripts: () => admin.script('FLUSH'),
  open: async () => {
    const client = new Redis(url)
    return { client, close: () => client.quit() }
  },
})
const results = await Promise.allSettled(cases.map(({ run }) => run()))
admin.disconnect()

let failed = 0
for (const [i, { status, reason }] of results.entries()) {
  if (status === 'fulfilled') continue
  failed++
  console.error(`failed: ${cases[i].name}\n${reason?.stack ?? reason}`)
}
console.log(`${cases.length - failed} of ${cases.length} cases`)
// Not process.exit: what keeps the process alive now is a leak, and shows.
process.exitCode = failed === 0 ? 0 : 1
