// Writes the page and its plots.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { page } from './page.mjs'
import { plots } from './plots.mjs'

export function draw(results, { page: file, assets }) {
  mkdirSync(assets, { recursive: true })
  // A plot of a scenario that is gone must not stay.
  for (const old of readdirSync(assets)) {
    if (old.endsWith('.svg')) rmSync(join(assets, old))
  }
  for (const { file: name, text } of plots(results)) writeFileSync(join(assets, name), text)
  writeFileSync(file, page(results, basename(assets)))
  console.log(`\nwrote ${relative(dirname(dirname(file)), file)} and ${basename(assets)}/`)
}
