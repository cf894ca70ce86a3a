import { describe } from 'vitest'
import { otherKinds } from './kinds.js'
import { portTests } from './ports.js'

describe.each(otherKinds)('$name', (kind) => {
  portTests(kind)
})
