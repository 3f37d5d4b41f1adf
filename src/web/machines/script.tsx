import { useGet } from '../api/use.ts'
import { Card, Loaded } from '../parts/page.tsx'

/** The boot script that the machine would get now; looking at it changes nothing. */
export function Script({ machine }: { machine: string }) {
  const script = useGet('previewScript', { params: { machine } })
  return (
    <Card title="The script it would get now" flush>
      <Loaded query={script} lines={8}>
        {({ script, reason }) => (
          <>
            <p style={{ margin: 0, padding: '0.7rem 0.9rem', borderBottom: '1px solid var(--rv-line)' }}>{reason}</p>
            <pre className="text">{script}</pre>
          </>
        )}
      </Loaded>
    </Card>
  )
}
