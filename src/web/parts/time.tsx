import { useTextOfNow } from './now.ts'
import { ago, clock, zone } from './words.ts'

/** A time as "3 minutes ago", with the exact one on hover and for screen readers. */
export function Ago({ at, never = 'never' }: { at: string | null; never?: string }) {
  const text = useTextOfNow((now) => (at ? ago(at, now) : never))
  if (!at) return <span>{never}</span>
  return (
    <time dateTime={at} title={`${clock(at)} ${zone(at)}`} style={{ whiteSpace: 'nowrap' }}>
      {text}
    </time>
  )
}
