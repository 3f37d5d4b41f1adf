import { Progress, Text } from '@mantine/core'
import type { z } from 'zod'
import type { Pool } from '../../api/contract/iscsi.ts'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import { Card } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { bytes } from '../parts/words.ts'
import { POOL_LOOKS } from './looks.tsx'
import style from './volumes.module.css'

type PoolAnswer = z.infer<typeof Pool>
const COLOURS = { ok: 'ink', warning: 'yellow.7', full: 'red.7' } as const

/** Where volumes are kept and how full that is, with the server's own sentence. */
export function Pools() {
  const pools = useGet('listPools', {}, { refetchMs: 15_000 })
  // Only an administrator is told settings; others have the server's sentence.
  const settings = useGet('listSettings', {}, { enabled: useMay('admin') })
  if (!pools.data || pools.data.items.length === 0) return null
  const marks = (settings.data?.settings ?? []).flatMap(({ name, value }) =>
    name === 'volumes.warnPercent' || name === 'volumes.refusePercent'
      ? [{ percent: Number(value), word: name === 'volumes.warnPercent' ? 'warns' : 'refuses new volumes' }]
      : [],
  )
  return (
    <Card label="Pools">
      <div className={style.pools}>
        {pools.data.items.map((pool) => (
          <PoolBar key={pool.name} pool={pool} marks={marks} />
        ))}
      </div>
    </Card>
  )
}

function PoolBar({ pool, marks }: { pool: PoolAnswer; marks: readonly { percent: number; word: string }[] }) {
  // What others keep on the same filesystem counts too: what matters is what is left.
  const taken = pool.totalBytes > 0 ? (100 * (pool.totalBytes - pool.freeBytes)) / pool.totalBytes : 0
  const own = pool.totalBytes > 0 ? (100 * pool.usedBytes) / pool.totalBytes : 0
  return (
    <div>
      <div className={style.poolHead}>
        <b>{pool.name}</b>
        {pool.name !== pool.kind && <span className="soft">{pool.kind}</span>}
        <Status look={POOL_LOOKS[pool.state]} />
        <span className="figures soft" style={{ marginInlineStart: 'auto' }}>
          {bytes(pool.freeBytes)} free of {bytes(pool.totalBytes)}
        </span>
      </div>
      <div className={style.bar}>
        <Progress.Root size="md" radius="sm" aria-label={`${pool.name}: how full`}>
          <Progress.Section value={Math.min(own, taken)} color={COLOURS[pool.state]} title="volumes" />
          <Progress.Section value={Math.max(0, taken - own)} color="gray.6" title="everything else on it" />
        </Progress.Root>
        {marks.map(({ percent, word }) => (
          <span key={word} className={style.mark} style={{ left: `${percent}%` }} title={`${word} at ${percent} %`} />
        ))}
      </div>
      <Text size="xs" c="dimmed" mt={4}>
        {sentence(pool.detail) || `Volumes take ${bytes(pool.usedBytes)}.`}
        {marks.length > 0 && ` It ${marks.map(({ percent, word }) => `${word} at ${percent} %`).join(', ')}.`}
      </Text>
    </div>
  )
}

const sentence = (text: string) => (text === '' || text.endsWith('.') ? text : `${text}.`)
