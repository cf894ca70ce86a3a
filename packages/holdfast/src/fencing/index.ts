/**
 * Stores that refuse a stale fencing token: keys of Redis and Valkey, SQL, files.
 *
 * @packageDocumentation
 */
export { fencedRedis, type FencedRedis } from './redis.js'
export { fencedSql, type FencedSql, type SqlClaim, type SqlRows } from './sql.js'
export { fencedFile, type FencedFile } from './file.js'
