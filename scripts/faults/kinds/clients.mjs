// What happens to the processes that have the locks.

/** @type {Record<string, import('../plan.mjs').Play>} */
export const clientFaults = {
  async stop({ workers, worker, pause }) {
    workers.stop(worker)
    await pause()
    await workers.goOn(worker)
  },
  block: ({ workers, worker, length }) => workers.block(worker, length()),
  kill: ({ workers, worker }) => workers.replace(worker),
}
