// What a plan consists of: the calls, and what happens between them.

/** One name's part of a call. Owners and names are numbers until a run gives them real ids. */
export interface AcquireItem {
  readonly name: number
  readonly owner: number
  readonly mode: 'x' | 's' | 'p'
  readonly weight: number
  readonly limit: number
  readonly ttl: number
  readonly claim: number
  readonly wait: boolean
  readonly ticket: 'none' | 'known' | 'early' | 'first'
  readonly notAfter: 'none' | 'past' | 'future' | 'other run'
  readonly info: string
}

/** Which ballot a request is of, said by what was seen before. */
export type Ballot = 'now' | 'next' | 'same' | 'low' | 'ahead' | 'text'

export interface VoteItem extends AcquireItem {
  readonly ballot: Ballot
  readonly slots: string
}

interface QReleaseItem extends OwnerItem {
  readonly least: string
  readonly ballot: Ballot | 'none'
  readonly failed: boolean
  readonly stands: boolean
}

interface QRenewItem extends RenewItem {
  readonly record: 'own' | 'none' | 'text' | 'small'
}

interface OwnerItem {
  readonly name: number
  readonly owner: number
}

interface ReleaseItem extends OwnerItem {
  readonly least: string
}

interface TurnItem extends OwnerItem {
  readonly heir: number
  readonly mode: string
  readonly info: string
  readonly ttl: number
  readonly notAfter: AcquireItem['notAfter']
}

interface RenewItem extends OwnerItem {
  readonly ttl: number
  readonly notAfter: AcquireItem['notAfter']
}

/** What is done to a key behind the kernel's back. */
type Spoil = 'delete' | 'wrong type' | 'other wrong type' | 'text' | 'number' | 'large'

export type Step =
  | { readonly kind: 'acquire' | 'all'; readonly items: readonly AcquireItem[] }
  | { readonly kind: 'release'; readonly items: readonly ReleaseItem[] }
  | { readonly kind: 'renew'; readonly items: readonly RenewItem[] }
  | { readonly kind: 'turn'; readonly items: readonly TurnItem[] }
  | { readonly kind: 'q_acquire'; readonly items: readonly VoteItem[] }
  | { readonly kind: 'q_release'; readonly items: readonly QReleaseItem[] }
  | { readonly kind: 'q_renew'; readonly items: readonly QRenewItem[] }
  | { readonly kind: 'q_turn'; readonly items: readonly (TurnItem & { readonly ballot: Ballot })[] }
  /** From here on calls are guarded by this epoch and quarantine; or not any more. */
  | { readonly kind: 'guard'; readonly epoch: number; readonly quarantine: number | null }
  | { readonly kind: 'bootstrap'; readonly set: string }
  /** The node's marker is deleted, is one of another run, or says that nothing was ever forgotten. */
  | { readonly kind: 'marker'; readonly how: 'delete' | 'other run' | 'text' | 'sound' }
  | {
      readonly kind: 'force'
      readonly items: readonly {
        readonly name: number
        readonly how: string
        readonly meant: string
        readonly by: string
      }[]
    }
  | { readonly kind: 'inspect' | 'announce'; readonly names: readonly number[] }
  | { readonly kind: 'edge'; readonly items: readonly (OwnerItem & { readonly edges: string })[] }
  | { readonly kind: 'waits'; readonly items: readonly OwnerItem[] }
  | {
      readonly kind: 'resize'
      readonly name: number
      readonly limit: string
      readonly notAfter: AcquireItem['notAfter']
    }
  /** Many owners of one client at once, to get past the limits of one call. */
  | {
      readonly kind: 'crowd'
      readonly size: number
      /** Listens while it asks, and no longer. */
      readonly dies: boolean
      readonly like: AcquireItem
    }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly client: number }
  | { readonly kind: 'foreign'; readonly name: number; readonly px: number | null }
  | {
      readonly kind: 'spoil'
      readonly name: number
      readonly key: number
      readonly how: Spoil
    }
  | {
      readonly kind: 'surgery'
      readonly name: number
      readonly owner: number
      readonly how: string
    }
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'version' }
