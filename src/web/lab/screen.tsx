import { useEffect, useState } from 'react'
import { pathOf } from '../../api/client/client.ts'
import { ROUTES } from '../../api/client/routes.ts'
import { Empty } from '../parts/page.tsx'

const EVERY_MS = 1500

/** What a lab machine shows on its screen, looked at again and again while it is open. */
export function Screen({ name }: { name: string }) {
  const [at, setAt] = useState(() => Date.now())
  const [lost, setLost] = useState(false)
  useEffect(() => {
    const timer = setInterval(() => setAt(Date.now()), EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  return (
    <>
      {lost && (
        <Empty title="There is no picture now">
          The machine is switched off, or its screen cannot be read. It is tried again.
        </Empty>
      )}
      <img
        src={pathOf(ROUTES.labScreen[1], { name }, { at })}
        alt={`Screen of ${name}`}
        onError={() => setLost(true)}
        onLoad={() => setLost(false)}
        style={{
          display: lost ? 'none' : 'block',
          maxWidth: '100%',
          minWidth: 320,
          background: '#000',
          borderRadius: 6,
        }}
      />
    </>
  )
}
