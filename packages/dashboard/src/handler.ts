import { act } from './actions.js'
import { answer, failure, json, Refused } from './answers.js'
import { Assets } from './assets.js'
import { authorized, Denied, refuseOtherSites } from './guard.js'
import { Live } from './live.js'
import type { Action, PageName } from './model.js'
import { invalid, type LocksLike, type Settings } from './options.js'
import { Source } from './source.js'
import { isPage, textOf, viewOf } from './views.js'

const MOST_FOUND = 20
/** What only the page asks for; to the page itself other sites may have links. */
const DATA: readonly Route['to'][] = ['page', 'live', 'search']

/** Where a request goes: told by the end of its path, whatever the dashboard is mounted below. */
type Route =
  | { readonly to: 'page'; readonly page: PageName }
  | { readonly to: 'live' | 'search' | 'index' | 'slash' }
  | { readonly to: 'action'; readonly action: Action }
  | { readonly to: 'asset'; readonly file: string }

/** @param typed whether a browser goes there: nobody's program asks for it */
function routeOf(path: string, typed: boolean): Route | null {
  const [, part, rest = ''] = /\/(api|assets)\/([^/]*)$/.exec(path) ?? []
  if (part === 'assets' && rest !== '' && !typed) return { to: 'asset', file: `assets/${rest}` }
  if (part === 'api') {
    if (isPage(rest)) return { to: 'page', page: rest }
    if (rest === 'live' || rest === 'search') return { to: rest }
    if (rest === 'revoke' || rest === 'force') return { to: 'action', action: rest }
    if (rest !== '' && !typed) return null
  }
  // Also where it is mounted below an `/api` or `/assets` of others.
  if (path.endsWith('/')) return { to: 'index' }
  // A file that is not there, such as favicon.ico.
  return /\.[^/]*$/.test(path) ? null : { to: 'slash' }
}

/** Answers requests. */
export class Handler {
  readonly #locks: LocksLike
  readonly #settings: Settings
  readonly #source: Source
  readonly #live: Live
  readonly #assets: Assets

  constructor(locks: LocksLike, settings: Settings, assets: Assets = new Assets(settings.title)) {
    this.#locks = locks
    this.#settings = settings
    this.#source = new Source(locks, settings)
    this.#live = new Live(this.#source)
    this.#assets = assets
  }

  async fetch(request: Request): Promise<Response> {
    try {
      const response = await this.#answer(request)
      if (request.method !== 'HEAD') return response
      await response.body?.cancel()
      return new Response(null, response)
    } catch (error) {
      return error instanceof Denied ? error.response : failure(error)
    }
  }

  close(): void {
    this.#live.close()
    this.#source.close()
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const { searchParams } = url
    const typed = /\btext\/html\b/.test(request.headers.get('accept') ?? '')
    const route = routeOf(url.pathname, typed)
    if (!route) throw new Refused(404, 'ERR_NOT_FOUND', 'there is no such page')
    const allowed = route.to === 'action' ? ['POST'] : ['GET', 'HEAD']
    if (!allowed.includes(request.method)) {
      const allow = allowed.join(', ')
      throw new Refused(405, 'ERR_METHOD', `only ${allow}`, { allow })
    }
    if (route.to === 'action') {
      const done = (name: string): void => this.#source.changed(name)
      return act(this.#locks, this.#settings, request, route.action, done)
    }
    if (DATA.includes(route.to)) refuseOtherSites(request)
    await authorized(this.#settings, request, { action: 'look' })
    switch (route.to) {
      case 'page':
        return json(await this.#source.page(viewOf(route.page, searchParams)))
      case 'search': {
        const text = textOf('q', searchParams.get('q'))
        return json({ names: text === '' ? [] : await this.#source.search(text, MOST_FOUND) })
      }
      case 'live': {
        const page = searchParams.get('page') ?? ''
        if (!isPage(page)) throw invalid('page', page, 'the name of a page')
        const may = async (): Promise<boolean> => {
          await authorized(this.#settings, request, { action: 'look' })
          return true
        }
        return this.#live.answer(viewOf(page, searchParams), request, may)
      }
      case 'asset':
        return this.#assets.answer(route.file, request)
      case 'index':
        return this.#assets.answer('index.html', request)
      case 'slash': {
        // All that the page asks for is relative to its slash. `./`: a name with a colon is no scheme.
        const last = url.pathname.split('/').at(-1)
        return answer(null, 308, { location: `./${last}/${url.search}` })
      }
    }
  }
}
