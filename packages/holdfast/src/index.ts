/**
 * Distributed locking on Redis and Valkey: leases that renew, fencing tokens, fair waiting.
 *
 * @packageDocumentation
 */
export { Holdfast } from './locks/holdfast.js'
export type { Mutex } from './locks/mutex.js'
export type { ReadWrite } from './locks/read-write.js'
export type { Permits, Semaphore } from './locks/semaphore.js'
export type { ReentrantMutex } from './locks/reentrant.js'
export type { Owned, Owner } from './locks/owner.js'
export type {
  GrantedLock,
  LockManager,
  LockManagerInfo,
  LockManagerMode,
  LockManagerSnapshot,
  LockRequestOptions,
} from './locks/lock-manager.js'
export type { Election, LeadContext, Leadership } from './locks/election.js'
export type { Leader } from './locks/observe.js'
export type { Taker } from './locks/taker.js'
export type { Takes, TryUseResult } from './locks/takes.js'
export type { AllItem, AllOf, AllPermits } from './locks/all-of.js'
export type { LockSet } from './locks/lock-set.js'
export type { Lock, ReleaseResult } from './locks/lock.js'
export type { RenewResult } from './locks/by-owner.js'
export type {
  AcquireOptions,
  ElectionOptions,
  HoldfastOptions,
  HandoverOptions,
  LockOptions,
  ReadWriteOptions,
  MutexOptions,
  OnDeadlock,
  PermitOptions,
  SemaphoreOptions,
  TakeOverOptions,
} from './locks/options.js'
export type { PingOptions, PingResult } from './locks/ping.js'
export type { DoctorOptions } from './locks/doctor/options.js'
export type { Finding, FindingId, Severity } from './locks/doctor/findings.js'
export type { ForceResult, HeldBy, LockState, WaitingFor } from './locks/inspect.js'
export type { FollowOptions, HistoryPage, PageOptions } from './locks/history.js'
export type { HistoryOption, HistoryOptions, Recorded } from './locks/history-options.js'
export type { GaveUpReason, HistoryEntry } from './kernel/history.js'
export type { ListEnd, ListOptions } from './locks/list-options.js'
export type { Look, LockChange, Watch } from './locks/watch.js'
export type { Deadlock, DeadlocksOptions } from './locks/deadlocks.js'
export type { RevokeResult } from './locks/revoke.js'
export { HoldfastError } from './base/errors.js'
export type {
  DeadlockLink,
  ErrorCode,
  ErrorFacts,
  Holder,
  LossReason,
  NodeTrouble,
  Revoker,
} from './base/errors.js'
export type { FailedOutcome, HoldfastEvents, LockCall, LockEvent, LockType } from './base/events.js'
export type { Duration } from './base/duration.js'
export type { Runtime, Timer } from './base/runtime.js'
export type {
  Client,
  GlideLike,
  IoredisLike,
  NodeRedisClusterLike,
  NodeRedisLike,
  NodeRedisSentinelLike,
} from './clients/recognise.js'
export type {
  Port,
  PortNode,
  Reply,
  Script,
  Subscription,
  SubscriptionEvents,
} from './clients/port.js'
