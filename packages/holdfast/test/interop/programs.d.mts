export type Library =
  | 'redlock4'
  | 'redlock5'
  | 'redis-semaphore'
  | 'simple-redis-mutex'
  | 'redis-py'
  | 'redsync'
  | 'redisson'

export declare const commands: Record<Library, () => readonly string[] | string>

export declare const metricsReader: () => readonly string[] | string
