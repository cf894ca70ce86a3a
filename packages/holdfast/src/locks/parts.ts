import { Part } from '../base/part.js'
import type * as Majority from '../quorum/quorum.js'
import type * as Doctor from './doctor/doctor.js'
import type * as More from './more.js'
import type * as Taken from './works.js'

/** What takes and holds locks, with the scripts and the clients' adapters. */
export const works: Part<typeof Taken> = new Part(
  'What takes and holds locks',
  () => import('./works.js'),
)

export const majority: Part<typeof Majority> = new Part(
  'What asks several servers',
  () => import('../quorum/quorum.js'),
)

/** What few programs call. */
export const more: Part<typeof More> = new Part(
  'What is asked about locks',
  () => import('./more.js'),
)

export const doctorPart: Part<typeof Doctor> = new Part(
  'The doctor',
  () => import('./doctor/doctor.js'),
)
