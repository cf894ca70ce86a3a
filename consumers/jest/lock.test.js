const { Holdfast } = require('holdfast')
const { findServer, startServer } = require('holdfast/testing')

test('a lock in memory', async () => {
  const locks = Holdfast.inMemory()
  expect(typeof (await locks.mutex('a').use(async ({ fence }) => fence))).toBe('number')
  // What is loaded when it is first asked for.
  expect((await locks.inspect('a')).holderCount).toBe(0)
  expect((await locks.doctor()).length).toBeGreaterThan(0)
  await locks.close()
})

test('the testing entry', () => {
  expect(typeof findServer).toBe('function')
  expect(typeof startServer).toBe('function')
})
