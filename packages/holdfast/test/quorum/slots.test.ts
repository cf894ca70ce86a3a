// A permit of several servers is a slot: a node counts only with the slot that the majority granted.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { Servers, type QuorumClient } from './kit.js'

const limit = { limit: 2 }

/** A permit with slot 0 on two nodes; on the first one, where slot 0 is that of a dead process, slot 1. */
async function split(ttl: number): Promise<{ w: Servers; first: Lock; others: QuorumClient[] }> {
  const w = new Servers(3)
  const { locks } = await w.started()
  const dead = w.client()
  for (const i of [1, 2]) w.nets[i]!.silence({ port: dead.ports[i]! })
  dead.locks
    .semaphore('s', { ...limit, ttl })
    .tryAcquire()
    .catch(() => undefined)
  await w.advance(1)
  w.nets[0]!.silence({ port: dead.ports[0]! })
  const first = await w.after(locks.semaphore('s', limit).acquire(), 1)
  return { w, first, others: [w.client(), w.client()] }
}

test('a node that granted another slot is not one of the majority', async () => {
  const { w, first, others } = await split(10_000)
  // The second node does not hear that the lease goes on.
  w.nets[1]!.drop('request', 'q_renew', { times: Infinity })
  await w.advance(11_000)
  const more = []
  for (const { locks } of others) {
    more.push(await w.after(locks.semaphore('s', limit).tryAcquire(), 10))
  }
  expect([first, ...more].map((lock) => lock?.isHeld)).toEqual([false, true, true])
})

test('a renewal gives a node the slot that the others have, once it is free there', async () => {
  const { w, first, others } = await split(1000)
  await w.advance(5000)
  w.nets[1]!.drop('request', 'q_renew', { times: Infinity })
  await w.advance(10_000)
  const more = []
  for (const { locks } of others) {
    more.push(await w.after(locks.semaphore('s', limit).tryAcquire(), 10))
  }
  expect([first, ...more].map((lock) => lock?.isHeld)).toEqual([true, true, undefined])
})
