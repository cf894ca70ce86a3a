import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { answer, Refused } from './answers.js'

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  woff2: 'font/woff2',
}

interface Asset {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly zipped: Uint8Array<ArrayBuffer>
}

/** Named, and not with `q=0`, which refuses it. */
const GZIP = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i

/** The page as it is built: beside the built server, and from its source. */
const BUILT = fileURLToPath(new URL('../dist/ui/', import.meta.url))

const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '"': '&quot;' }

/** The files of the page, all in memory: what is asked for is looked up by name, and no path leads out. */
export class Assets {
  readonly #title: string
  readonly #folder: string
  #files: Promise<ReadonlyMap<string, Asset>> | null = null

  /** @param title where index.html says `{title}` */
  constructor(title: string, folder: string = BUILT) {
    this.#title = title.replace(/[&<"]/g, (one) => ESCAPED[one]!)
    this.#folder = folder
  }

  /** @param name `index.html` or `assets/<file>` @throws Refused */
  async answer(name: string, request: Request): Promise<Response> {
    this.#files ??= load(this.#folder, this.#title)
    const file = (await this.#files).get(name)
    if (!file) {
      const [status, why] =
        name === 'index.html' ? [503, 'the page was not built'] : [404, 'no such file']
      throw new Refused(status as number, 'ERR_NOT_FOUND', why as string)
    }
    // Next takes `content-encoding` away from what a route answers, and compresses by itself.
    const zips = !('nextUrl' in request) && GZIP.test(request.headers.get('accept-encoding') ?? '')
    return answer(zips ? file.zipped : file.bytes, 200, {
      'content-type': file.type,
      vary: 'accept-encoding',
      ...(zips ? { 'content-encoding': 'gzip' } : {}),
      // Names of assets have a hash of what is in them.
      ...(name === 'index.html' ? {} : { 'cache-control': 'private, max-age=31536000, immutable' }),
    })
  }
}

async function load(folder: string, title: string): Promise<ReadonlyMap<string, Asset>> {
  const inAssets = await readdir(`${folder}/assets`).catch(() => [])
  const names = ['index.html', ...inAssets.map((name) => `assets/${name}`)]
  const files = await Promise.all(
    names.map(async (name): Promise<[string, Asset] | null> => {
      const type = TYPES[name.split('.').at(-1)!]
      const read = type && (await readFile(`${folder}/${name}`).catch(() => null))
      if (!type || !read) return null
      const page = name === 'index.html' && read.toString().replaceAll('{title}', () => title)
      const bytes = page === false ? new Uint8Array(read) : new TextEncoder().encode(page)
      return [name, { type, bytes, zipped: new Uint8Array(await promisify(gzip)(bytes)) }]
    }),
  )
  return new Map(files.filter((file) => file !== null))
}
