// Pages of Markdown that go into a package: which of their links lead nowhere there, and the pages without those.
import { posix } from 'node:path'

const FENCED = /^( *)```.*\n[^]*?^\1```$/gm
const LINK = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)/g
const PICTURE = /<picture>[^]*?<\/picture>/g
const SOURCE = /\b(?:src|srcset|href)="([^"]+)"/g

/** What a page says, without its blocks of code. */
const prose = (text) => text.replace(FENCED, '')

/** The targets of a page's links and pictures. */
const targets = (text) =>
  [...prose(text).matchAll(new RegExp(`${LINK.source}|${SOURCE.source}`, 'g'))].map(
    ([, , , link, source]) => link ?? source,
  )

/** The anchors of a page's headings, as GitHub and npm make them. */
function anchors(text) {
  const all = new Set()
  for (const [, title] of prose(text).matchAll(/^#+ (.+)$/gm)) {
    const plain = title.replace(LINK, '$2').toLowerCase()
    const anchor = plain.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
    let free = anchor
    for (let n = 1; all.has(free); n++) free = `${anchor}-${n}`
    all.add(free)
  }
  return all
}

/** Whether a link of a page leads out of the web of these pages and files. */
function isDead(pages, files, page, target) {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return false
  const [path, anchor] = target.split('#')
  const to = path === '' ? page : posix.join(posix.dirname(page), path)
  const text = pages.get(to)
  if (text === undefined) return !files.includes(to)
  return anchor !== undefined && !anchors(text).has(anchor)
}

/**
 * What leads nowhere.
 *
 * @param {Map<string, string>} pages their texts, by their paths in the package
 * @param {readonly string[]} files the paths of what else there is to link to
 */
export function deadLinks(pages, files) {
  return [...pages].flatMap(([page, text]) =>
    targets(text)
      .filter((target) => isDead(pages, files, page, target))
      .map((target) => `${page}: ${target}`),
  )
}

/** The same pages with the text of such links in their place, and without such pictures. */
export function closed(pages, files) {
  const made = new Map()
  for (const [page, text] of pages) {
    const dead = (target) => isDead(pages, files, page, target)
    const without = (part) =>
      part
        .replace(PICTURE, (all) => (targets(all).some(dead) ? '' : all))
        .replace(LINK, (all, picture, shown, target) => {
          if (!dead(target)) return all
          return picture ? '' : shown
        })
        // What is left of a table of pictures: a row, and then a head, with nothing in it.
        .replace(/^\|[ |]*\|\n(?!\| ---)/gm, '')
        .replace(/^\|[ |]*\|\n\|[ |-]*\|\n(?!\|)/gm, '')
        .replace(/\n{3,}/g, '\n\n')
    let end = 0
    let result = ''
    for (const code of text.matchAll(FENCED)) {
      result += without(text.slice(end, code.index)) + code[0]
      end = code.index + code[0].length
    }
    made.set(page, result + without(text.slice(end)))
  }
  return made
}
