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
export type { ConformanceTarget } from './conformance/bench.js'
export { conformance, type ConformanceCase } from './conformance/suite.js'
