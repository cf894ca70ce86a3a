// Where the waiters run: in processes of their own around a server, or all in this one.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Holdfast } from 'holdfast'
import { startServer } from 'holdfast/testing'
import { Redis } from 'ioredis'
import { clock, nameFor, stopper, work } from './work.mjs'

const childFile = fileURLToPath(new URL('child.mjs', import.meta.url))
const EXIT_MS = 3000

/** Waits at most so long: what is being waited for may never come. */
const within = (promise, ms) => {
  let timer
  const limit = new Promise((resolve) => (timer = setTimeout(resolve, ms)))
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

/** Real processes and a real server. Throws ERR_NO_SERVER where there is none to be had. */
export async function realStage({ names, processes, waiters, ttl, sabotage }, onReport) {
  const server = await startServer()
  // A server known by URL may be somebody's: nothing there is touched but keys of our own.
  const prefix = `holdfast-demo:${process.pid}:`
  const redis = new Redis(server.url)
  redis.on('error', () => {})
  const locks = new Holdfast(redis, { prefix: `${prefix}lock:` })
  const children = new Map()
  const keys = names.map((name) => `${prefix}counter:${name}`)
  let stopping = false

  const start = (id) =>
    new Promise((resolve, reject) => {
      const task = { url: server.url, prefix, names, waiters, ttl, process: id, sabotage }
      const child = fork(childFile, [JSON.stringify(task)])
      // Its last messages may be read after its end.
      const gone = Promise.all([
        new Promise((done) => child.once('exit', done)),
        new Promise((done) => child.once('disconnect', done)),
      ])
      children.set(id, { child, gone })
      child.on('message', (message) => {
        if (message.type === 'ready') resolve()
        else onReport(message)
      })
      child.once('exit', (code) => {
        reject(new Error(`process ${id} ended before it was ready`))
        if (!stopping || code !== 0) onReport({ type: 'died', process: id, at: clock() })
      })
      child.once('error', (error) => {
        children.delete(id)
        reject(error)
      })
    })

  const stage = {
    title: `${server.engine} ${server.version}`,
    about: `${server.engine} ${server.version} on port ${server.port}, ${processes} processes of ${waiters} waiters each`,
    alone: false,
    go: () => {
      for (const { child } of children.values()) child.send('go')
    },
    kill: (id) => children.get(id)?.child.kill('SIGKILL'),
    inspect: () => Promise.all(names.map((name) => locks.inspect(name))),
    counters: async () => (await redis.mget(keys)).map(Number),
    /** How often scripts were called, by the server's own count. */
    calls: async () => {
      const text = await redis.info('commandstats')
      return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(text)?.[1] ?? 0)
    },
    stop: async () => {
      stopping = true
      const all = [...children.values()]
      for (const { child } of all) if (child.connected) child.send('stop')
      await within(Promise.all(all.map(({ gone }) => gone)), EXIT_MS)
    },
    close: async () => {
      stopping = true
      // Not a process that ended long ago: its number may be another's by now.
      for (const { child } of children.values()) {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      }
      await Promise.all([...children.values()].map(({ gone }) => gone))
      // After Ctrl-C the server may be gone already, and would be asked for ever.
      await within(locks.close(), 500)
      await within(
        redis.del(keys).catch(() => {}),
        500,
      )
      redis.disconnect()
      await server.stop()
    },
  }
  try {
    await Promise.all(Array.from({ length: processes }, (_, i) => start(`p${i + 1}`)))
  } catch (error) {
    await stage.close()
    throw error
  }
  return stage
}

/** No server: the same kernel, in the memory of this process. Nobody can be killed here. */
export async function embeddedStage({ names, processes, waiters, ttl, sabotage }, onReport) {
  const locks = Holdfast.inMemory()
  const values = new Map(names.map((name) => [name, 0]))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const counters = {
    get: async (name) => (await turn(), values.get(name)),
    set: async (name, value) => (await turn(), values.set(name, value)),
  }
  const stopping = stopper()
  const stop = stopping.signal
  const common = { locks, counters, ttl, report: onReport, stop, sabotage }
  let working = null
  return {
    title: 'embedded kernel',
    about: 'embedded kernel: one process, nothing is shared between processes',
    alone: true,
    go: () => {
      const all = Array.from({ length: processes * waiters }, (_, i) =>
        work({ ...common, name: nameFor(names, 0, i), who: `p1·${i + 1}` }),
      )
      working = Promise.all(all)
    },
    kill: null,
    inspect: () => Promise.all(names.map((name) => locks.inspect(name))),
    counters: async () => names.map((name) => values.get(name)),
    calls: null,
    stop: async () => {
      stopping.abort()
      await working
    },
    close: async () => {
      stopping.abort()
      await locks.close()
    },
  }
}
