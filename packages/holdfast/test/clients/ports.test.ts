import { describe } from 'vitest'
import { kinds } from './kinds.js'
import { portTests } from './ports.js'

describe.each(kinds)('$name', (kind) => {
  portTests(kind)
})
