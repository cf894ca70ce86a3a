/**
 * For tests: real servers, a clock that is turned by hand, and the conformance suite.
 *
 * @packageDocumentation
 */
export {
  findServer,
  type FindServerOptions,
  type FoundServer,
  type ServerEngine,
} from './find-server.js'
export { startServer, type RunningServer, type StartServerOptions } from './servers.js'
export { ManualClock } from './manual-clock.js'
export { conformance, type ConformanceCase, type ConformanceTarget } from './conformance.js'
