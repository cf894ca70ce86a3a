// Are the packed packages such that every kind of consumer can load them? Judged on the tarballs themselves.
import { pack } from './lib/pack.mjs'
import { cli, dashboard } from './lib/paths.mjs'
import { must, tool } from './lib/run.mjs'

const tarball = pack()
must(process.execPath, [tool('publint/src/cli.js'), '--strict', tarball])
must(process.execPath, [tool('@arethetypeswrong/cli/dist/index.js'), tarball])
must(process.execPath, [tool('publint/src/cli.js'), '--strict', pack(dashboard)])
// For modules only; who requires it needs a Node that can.
must(process.execPath, [
  tool('@arethetypeswrong/cli/dist/index.js'),
  pack(dashboard),
  '--profile',
  'esm-only',
])
// A program, which nothing is imported from.
must(process.execPath, [tool('publint/src/cli.js'), '--strict', pack(cli)])
