import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { dashboard } from './paths.mjs'

/** What a browser loads, compressed: all of it, for all pages. */
const MOST_BYTES = 60 * 1024

/**
 * Builds the page of the dashboard into packages/dashboard/dist/ui: index.html and assets, whose names change with what
 * is in them. Returns its size, compressed.
 */
export async function buildUi(out = join(dashboard, 'dist/ui')) {
  const ui = join(dashboard, 'ui')
  const bundle = await rolldown({
    input: join(ui, 'main.ts'),
    platform: 'browser',
    resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
    transform: {
      target: 'es2022',
      define: { 'process.env.NODE_ENV': '"production"' },
    },
  })
  const { output } = await bundle.generate({
    format: 'esm',
    minify: true,
    entryFileNames: 'assets/[name]-[hash].js',
    chunkFileNames: 'assets/[name]-[hash].js',
  })
  await bundle.close()
  const plots = createRequire(join(dashboard, 'package.json')).resolve('uplot/dist/uPlot.min.css')
  const css = squeeze(readFileSync(plots, 'utf8') + readFileSync(join(ui, 'style.css'), 'utf8'))
  const files = [
    ['style.css', css],
    ['icon.svg', readFileSync(join(ui, 'icon.svg'), 'utf8').trim()],
  ].map(([name, body]) => {
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 10)
    return [name, `assets/${name.replace('.', `-${hash}.`)}`, body]
  })
  for (const { name, fileName, code } of output) files.push([`${name}.js`, fileName, code])
  let page = readFileSync(join(ui, 'index.html'), 'utf8').replace(/<!--[^]*?-->|\n\s*/g, (found) =>
    found.startsWith('<') ? '' : '\n',
  )
  rmSync(out, { recursive: true, force: true })
  mkdirSync(join(out, 'assets'), { recursive: true })
  let bytes = 0
  for (const [name, path, body] of files) {
    page = page.replace(`"assets/${name}"`, `"${path}"`)
    writeFileSync(join(out, path), body)
    bytes += gzipSync(body, { level: 9 }).length
  }
  for (const [named] of page.matchAll(/(?<=")assets\/[^"]*/g)) {
    if (!files.some(([, path]) => path === named)) throw new Error(`there is no ${named}`)
  }
  bytes += gzipSync(page, { level: 9 }).length
  writeFileSync(join(out, 'index.html'), page)
  writeFileSync(join(out, 'licences.txt'), licences(output.flatMap(({ moduleIds }) => moduleIds)))
  if (bytes > MOST_BYTES) {
    throw new Error(`the page has ${bytes} bytes compressed, and may have ${MOST_BYTES}`)
  }
  return bytes
}

/** What is bundled is under licences of its own, which go with it. */
function licences(modules) {
  const folders = new Set()
  for (const id of modules) {
    const [folder] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id) ?? []
    if (folder) folders.add(folder)
  }
  const one = (folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
    if (!file) throw new Error(`${name} is bundled and has no licence in its package`)
    return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
  }
  return [...folders].map(one).toSorted().join('\n\n')
}

/** Without comments and what separates words twice. */
const squeeze = (css) =>
  css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/\s*([{};,])\s*/g, '$1')
    .replace(/: /g, ':')
    .trim()
