import * as memory from '../kernel/memory/port.js'
import { memoryKernel } from '../kernel/parts.js'
import * as doctor from '../locks/doctor/doctor.js'
import * as asked from '../locks/more.js'
import { doctorPart, majority, more, works } from '../locks/parts.js'
import * as taken from '../locks/works.js'
import * as quorum from '../quorum/quorum.js'

/**
 * All parts of the library, which else are loaded when they are first needed: a clock that is turned by hand
 * turns no faster or slower for a file that is read.
 */
export function allAtOnce(): void {
  memoryKernel.loaded = memory
  works.loaded = taken
  majority.loaded = quorum
  more.loaded = asked
  doctorPart.loaded = doctor
}
