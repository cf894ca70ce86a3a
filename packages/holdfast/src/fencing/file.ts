import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { HoldfastError, invalid } from '../base/errors.js'
import { checkFence, checkText, fenced } from './token.js'

/**
 * A file that refuses a stale fencing token, among the processes of one machine.
 *
 * Every method claims the file for the token first: a lower one is refused from then on; the same one
 * may come again. Each rejects with `ERR_FENCED` where a later token was here (`stands`),
 * `ERR_INVALID_ARGUMENT` for a text or token that cannot be right, and `ERR_CONFIG` where the path is
 * something else. Errors of the file system pass through.
 */
export interface FencedFile {
  /** Claims the file. Only where it is not read: `read` claims it too. */
  claim(fence: number): Promise<void>
  /** Claims the file and reads it, as UTF-8; null where nothing was written yet. */
  read(fence: number): Promise<string | null>
  /** Writes the whole text: whoever reads, also after a crash, sees all of it or all of the one before. */
  write(text: string, fence: number): Promise<void>
}

/** How often a folder is listed without a token before it counts as somebody else's. */
const LOOKS = 20

/**
 * Reads and writes a file under fencing tokens. At `path` is a folder, in it one folder that is named by
 * the token which stands, and in that the file `data`. To claim is to rename the folder in the middle:
 * from then on the path of everybody who came before leads nowhere, and no lock is held by anybody, so
 * that who is stopped or killed stops no other.
 *
 * Not on NFS and the like, whose clients remember where a path led, and not on Windows.
 *
 * @param path the folder above it has to exist
 * @throws `ERR_INVALID_ARGUMENT` for what is no path.
 */
export function fencedFile(path: string): FencedFile {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalid('path', path, 'the path of a file')
  }
  const root = resolve(path)

  const write = async (text: string, fence: number): Promise<void> => {
    for (;;) {
      const folder = await claim(root, fence)
      const draft = join(folder, `${fence}-${randomUUID()}.draft`)
      try {
        await writeFile(draft, text, { flag: 'wx', flush: true })
        await rename(draft, join(folder, 'data'))
        return
      } catch (error) {
        // ENOENT: claimed by somebody in between, who takes the draft away too.
        if (codeOf(error) !== 'ENOENT') {
          await rm(draft, { force: true })
          throw error
        }
      }
    }
  }

  const read = async (fence: number): Promise<string | null> => {
    for (;;) {
      const folder = await claim(root, fence)
      const text = await unless(['ENOENT'], readFile(join(folder, 'data'), 'utf8'))
      if (text !== null) return text
      // There is none, or it is no longer there: only while the token stands do we know.
      if ((await standing(root)) === fence) return null
    }
  }

  return {
    claim: async (fence) => {
      checkFence(fence)
      await claim(root, fence)
    },
    read: async (fence) => {
      checkFence(fence)
      return read(fence)
    },
    write: async (text, fence) => {
      checkText('text', text)
      checkFence(fence)
      await write(text, fence)
    },
  }
}

/** Makes the token stand, and gives the folder that is named by it. */
async function claim(root: string, fence: number): Promise<string> {
  for (;;) {
    const stands = await standing(root)
    if (stands === null) {
      await make(root)
      continue
    }
    if (stands > fence) throw fenced(root, fence, stands)
    const folder = join(root, String(fence))
    const named =
      stands === fence ||
      (await unless(
        ['ENOENT'],
        rename(join(root, String(stands)), folder).then(() => true),
      ))
    // Else somebody claimed it in between. Names only rise, so this one does not come back.
    if (named && (await sweep(folder, fence))) return folder
  }
}

/**
 * Takes away the drafts of those who came before. One of them may be inside of its own rename, past the
 * look at the path: without its draft it fails, and if it was quicker we have not read yet.
 */
async function sweep(folder: string, fence: number): Promise<boolean> {
  const names = await unless(['ENOENT'], readdir(folder))
  for (const name of names ?? []) {
    if (name.endsWith('.draft') && !name.startsWith(`${fence}-`)) {
      await rm(join(folder, name), { force: true })
    }
  }
  return names !== null
}

/** The token that stands; null where there is nothing yet. */
async function standing(root: string): Promise<number | null> {
  for (let look = 0; look < LOOKS; look++) {
    const names = await unless(['ENOENT', 'ENOTDIR'], readdir(root))
    if (names === null || names.length === 0) return null
    const tokens = names.filter((name) => /^\d+$/.test(name)).map(Number)
    // A folder that is renamed while the list is made may be missed.
    if (tokens.length > 0) return Math.max(...tokens)
  }
  throw notOurs(root)
}

/** Puts a folder with the token 0 at the path, whole or not at all: nobody sees it half made. */
async function make(root: string): Promise<void> {
  const fresh = `${root}.${randomUUID()}`
  await mkdir(fresh)
  try {
    await mkdir(join(fresh, '0'))
    await rename(fresh, root)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // It is there: somebody else was first.
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) {
      throw codeOf(error) === 'ENOTDIR' ? notOurs(root) : error
    }
  }
}

function notOurs(root: string): HoldfastError {
  const message = `${root} is not what fencedFile makes: give it a path at which there is nothing yet.`
  return new HoldfastError('ERR_CONFIG', message)
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code)

/** What comes of it; null for these errors. */
async function unless<T>(codes: readonly string[], work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (codes.includes(codeOf(error))) return null
    throw error
  }
}
