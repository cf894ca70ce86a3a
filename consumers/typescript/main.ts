import { Holdfast } from 'holdfast'
import { fencedFile, type FencedFile } from 'holdfast/fencing'
import { instrument } from 'holdfast/otel'
import { metrics, type Metrics } from 'holdfast/prometheus'
import { findServer, type FoundServer } from 'holdfast/testing'

async function main(): Promise<void> {
  const locks = Holdfast.inMemory()
  const fence: number = await locks.mutex('a').use(async ({ fence }) => fence)
  await locks.close()
  const stop: () => void = instrument({ lockLabel: (name) => name })
  stop()
  const counted: Metrics = metrics()
  if (!counted.text().startsWith('# HELP')) throw new Error('not what it says')
  counted.stop()
  const find: () => Promise<FoundServer | null> = findServer
  const file: FencedFile = fencedFile('report')
  if (typeof file.claim !== 'function') throw new Error('not what it says')
  if (typeof fence !== 'number' || typeof find !== 'function') throw new Error('not what it says')
  // A type that quietly became `any` would accept this.
  // @ts-expect-error: a fence is a number
  const wrong: string = fence
  void wrong
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
