import { useRef } from 'preact/hooks'
import { age } from '../lib/format.js'

/** What is left of a lease, as text and as a bar. A lease is renewed at about two thirds of it. */
export function Ttl({ remaining, of }: { remaining: number | null; of?: number | null }) {
  const most = useRef(0)
  if (remaining === null) return <span class="faint">–</span>
  const left = Math.max(0, remaining)
  most.current = Math.max(most.current, left)
  const whole = Math.max(of ?? most.current, 1)
  const part = Math.min(1, left / whole)
  const state = part < 0.15 ? 'bad' : part < 0.4 ? 'low' : ''
  return (
    <span class="ttl">
      <span class="num">{age(left)}</span>
      <span class="bar" aria-hidden="true">
        <span class={state} style={{ transform: `scaleX(${part.toFixed(3)})` }} />
      </span>
    </span>
  )
}
