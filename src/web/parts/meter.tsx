import { Group, Progress, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { bytes, left } from './words.ts'

/** How far something is: what it does now, how much of how much, how fast, and how long it still takes. */
export function Meter(props: {
  doing: ReactNode
  /** For screen readers. */
  label: string
  done: number
  of: number
  bytesPerSecond?: number | undefined
  secondsLeft?: number | null | undefined
  /** A second line. */
  more?: ReactNode
}) {
  const { done, of, bytesPerSecond = 0, secondsLeft = null } = props
  const percent = of > 0 ? Math.min(100, (100 * done) / of) : 0
  return (
    <div>
      <Group justify="space-between" gap="xs" mb={3}>
        <Text size="xs">{props.doing}</Text>
        <Text size="xs" c="dimmed" className="figures">
          {of > 0 && `${bytes(done)} of ${bytes(of)} · ${Math.floor(percent)} %`}
          {bytesPerSecond > 0 && ` · ${bytes(bytesPerSecond)}/s`}
          {bytesPerSecond > 0 && secondsLeft !== null && ` · ${left(secondsLeft)}`}
        </Text>
      </Group>
      <Progress value={of > 0 ? percent : 100} animated={of === 0} aria-label={props.label} transitionDuration={200} />
      {props.more && (
        <Text size="xs" c="dimmed" mt={3} component="div" className="figures">
          {props.more}
        </Text>
      )}
    </div>
  )
}
