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
    input: join(ui, 'main.tsx'),
    platform: 'browser',
    resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
    transform: {
      target: 'es2022',
      define: { 'process.env.NODE_ENV': '"production"' },
    },
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true, codeSplitting: false })
  await bundle.close()
  const [{ code, moduleIds }] = output
  const plots = createRequire(join(dashboard, 'package.json')).resolve('uplot/dist/uPlot.min.css')
  const css = squeeze(readFileSync(plots, 'utf8') + readFileSync(join(ui, 'style.css'), 'utf8'))
  const assets = [
    ['main.js', code],
    ['style.css', css],
    ['icon.svg', readFileSync(join(ui, 'icon.svg'), 'utf8').trim()],
  ]
  let page = readFileSync(join(ui, 'index.html'), 'utf8')
  rmSync(out, { recursive: true, force: true })
  mkdirSync(join(out, 'assets'), { recursive: true })
  let bytes = 0
  for (const [name, body] of assets) {
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 10)
    const path = `assets/${name.replace('.', `-${hash}.`)}`
    if (!page.includes(`"assets/${name}"`))
      throw new Error(`index.html does not name assets/${name}`)
    page = page.replace(`"assets/${name}"`, `"${path}"`)
    writeFileSync(join(out, path), body)
    bytes += gzipSync(body, { level: 9 }).length
  }
  bytes += gzipSync(page, { level: 9 }).length
  writeFileSync(join(out, 'index.html'), page)
  writeFileSync(join(out, 'licences.txt'), licences(moduleIds))
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
