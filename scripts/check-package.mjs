// Is the packed package one that every kind of consumer can load? Judged on the tarball itself.
import { pack } from './lib/pack.mjs'
import { must, tool } from './lib/run.mjs'

const tarball = pack()
must(process.execPath, [tool('publint/src/cli.js'), '--strict', tarball])
must(process.execPath, [tool('@arethetypeswrong/cli/dist/index.js'), tarball])
