/**
 * A page that shows locks: who holds them, who waits, since when, and where they wait for each other.
 *
 * @packageDocumentation
 */
export { createDashboard, type Dashboard } from './dashboard.js'
export { serve, toNodeListener, type NodeListener, type Served, type ServeOptions } from './node.js'
export type { AuditEntry, DashboardOptions, LocksLike, Wish } from './options.js'
export type * from './model.js'
