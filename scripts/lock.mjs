// `npm run lock`: writes package-lock.json and those of bench/ and mounts/ anew, complete for every platform.
//
// Native tools come as one optional package for each platform. Where a registry mirror lacks some
// of them, npm leaves them out of the lock file, and `npm ci` then refuses that file everywhere.
// Their exact versions are known from the package that asks for them, so they are put back.
import {
  mkdirSync,
  mkdtempSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { cache, root } from './lib/paths.mjs'
import { npm } from './lib/run.mjs'

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'sunos']
const windows = /^(win32|windows)$/

/** What a name such as `@oxlint/binding-linux-arm64-musl` says of the place it is for. */
function platform(name) {
  const words = name.split(/[/-]/)
  const os = words.some((word) => windows.test(word))
    ? 'win32'
    : words.find((word) => [...systems, 'openharmony'].includes(word))
  const cpu = words.find((word) => /^(arm|arm64|ia32|x64|ppc64|riscv64|s390x|loong64)$/.test(word))
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc'
  return {
    ...(os && { os: [os] }),
    ...(cpu && { cpu: [cpu] }),
    ...(os === 'linux' && { libc: [libc] }),
  }
}

function complete(packages) {
  let added = 0
  for (const asking of Object.values({ ...packages })) {
    for (const [name, version] of Object.entries(asking.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`
      if (packages[key] || !/^\d+\.\d+\.\d+\S*$/.test(version)) continue
      packages[key] = { version, ...platform(name), dev: true, optional: true }
      added++
    }
  }
  return added
}

/**
 * @param {string} folder whose lock file it is
 * @param {string[]} files that it depends on
 */
function write(folder, files, name) {
  // Away from node_modules, whose contents would colour the result.
  mkdirSync(cache, { recursive: true })
  const scratch = mkdtempSync(join(cache, 'lock-'))
  for (const file of files) cpSync(join(folder, file), join(scratch, file))
  npm(['install', '--package-lock-only', '--no-audit', '--no-fund'], { cwd: scratch })
  const lock = JSON.parse(readFileSync(join(scratch, 'package-lock.json'), 'utf8'))
  const added = complete(lock.packages)
  const [first, ...rest] = Object.entries(lock.packages)
  rest.sort(([a], [b]) => (a < b ? -1 : 1))
  lock.packages = Object.fromEntries([first, ...rest])
  lock.name = name
  const file = join(folder, 'package-lock.json')
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  rmSync(scratch, { recursive: true })
  console.log(`wrote ${relative(root, file)}; put back ${added} packages for other platforms`)
}

const own = ['package.json', '.npmrc']
const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/package.json`)
write(root, [...own, ...packages], 'holdfast-workspace')
write(join(root, 'bench'), own, 'holdfast-bench')
write(join(root, 'mounts'), own, 'holdfast-mounts')
