import { Part } from '../base/part.js'
import type * as Memory from './memory/port.js'

export const memoryKernel: Part<typeof Memory> = new Part(
  'The server in memory',
  () => import('./memory/port.js'),
)
