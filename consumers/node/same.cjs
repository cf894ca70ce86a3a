// One process that both requires and imports the library has one copy of it, so that
// `instanceof` and module state hold across the two. Every Node from 20.19 on can do this.
const assert = require('node:assert/strict')

async function main() {
  for (const entry of ['', '/fencing', '/otel', '/prometheus', '/testing']) {
    const name = `holdfast${entry}`
    const required = require(name)
    const imported = await import(name)
    assert.ok(Object.keys(imported).length > 0, `${name} exports nothing`)
    for (const key of Object.keys(imported)) {
      if (key === 'default' || key === 'module.exports') continue
      assert.equal(required[key], imported[key], `${name}: two copies of ${key}`)
    }
  }
}
main()
