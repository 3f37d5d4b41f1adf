import { useGet } from '../api/use.ts'
import { Notice } from '../parts/notice.tsx'

/** Says that volumes cannot be reached at all, why, and what to do about it; nothing while they are served. */
export function NotServed() {
  const status = useGet('getStatus', {})
  const target = status.data?.listeners.find(({ service }) => service.startsWith('iSCSI'))
  if (!target || target.state === 'listening' || target.state === 'waiting') return null
  return (
    <Notice
      tone={target.state === 'failed' ? 'bad' : 'wait'}
      title={target.state === 'off' ? 'Volumes are not served' : `Volumes are not served on ${target.where}`}
    >
      <p>
        {target.reason}. They can be made and changed, but no machine can have them.{' '}
        {target.state === 'off' && 'Mend that and restart the server.'}
      </p>
    </Notice>
  )
}
