// Are the packed packages such that every kind of consumer can load them? Judged on the tarballs themselves.
import { pack } from './lib/pack.mjs'
import { cli } from './lib/paths.mjs'
import { must, tool } from './lib/run.mjs'

const tarball = pack()
must(process.execPath, [tool('publint/src/cli.js'), '--strict', tarball])
must(process.execPath, [tool('@arethetypeswrong/cli/dist/index.js'), tarball])
// A program, which nothing is imported from.
must(process.execPath, [tool('publint/src/cli.js'), '--strict', pack(cli)])
