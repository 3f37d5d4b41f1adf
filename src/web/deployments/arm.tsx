import { Checkbox, Group, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { Code } from '../parts/copy.tsx'
import { bytes } from '../parts/words.ts'
import { type Candidate, isArmed, wordOf } from './arming.ts'
import style from './deployments.module.css'

/**
 * Arms disks one by one: each is ticked, and the end of its serial number typed. Says what would be gone. Only what is
 * named here is ever overwritten.
 */
export function Arming(props: {
  candidates: readonly Candidate[]
  armed: ReadonlySet<string>
  onChange: (armed: ReadonlySet<string>) => void
  /** What happens to the disk, such as `overwritten`. */
  gone: string
}) {
  const { candidates, armed, onChange, gone } = props
  return (
    <>
      {candidates.map((candidate) => (
        <ArmDisk
          key={candidate.serial}
          candidate={candidate}
          gone={gone}
          armed={armed.has(candidate.serial)}
          onArm={(on) => {
            const next = new Set(armed)
            if (on) next.add(candidate.serial)
            else next.delete(candidate.serial)
            onChange(next)
          }}
        />
      ))}
    </>
  )
}

function ArmDisk(props: { candidate: Candidate; gone: string; armed: boolean; onArm: (on: boolean) => void }) {
  const { candidate, armed, gone, onArm } = props
  const { serial, model, partition, contents, image } = candidate
  const [ticked, setTicked] = useState(false)
  const [typed, setTyped] = useState('')
  const word = wordOf(serial)
  const fits = isArmed(serial, typed)
  const set = (tick: boolean, text: string) => {
    setTicked(tick)
    setTyped(text)
    const on = tick && isArmed(serial, text)
    if (on !== armed) onArm(on)
  }
  return (
    <div className={style.disk} data-armed={armed || undefined}>
      <Group gap="sm" align="flex-start" wrap="nowrap">
        <Checkbox
          mt={2}
          color="red.8"
          aria-label={`Arm disk ${serial}`}
          checked={ticked}
          onChange={(event) => set(event.currentTarget.checked, typed)}
        />
        <div style={{ minWidth: 0, flex: 1 }}>
          <b style={{ fontWeight: 600 }}>{model ?? 'A disk'}</b>
          {candidate.bytes !== null && <span className="figures"> · {bytes(candidate.bytes)}</span>} · serial{' '}
          <Code wrap>{serial}</Code>
          <div className="soft">
            {partition !== null ? `Partition ${partition}` : 'All of it'} {armed ? 'will be' : 'would be'} {gone}
            {image && ` with ${image}`}. {contents.length > 0 && 'Now it has:'}
          </div>
        </div>
      </Group>
      {contents.length > 0 ? (
        <ul>
          {contents.map((content) => (
            <li key={content}>{content}</li>
          ))}
        </ul>
      ) : (
        <Text size="xs" c="dimmed" pl={30}>
          Nothing that is known lies on it.
        </Text>
      )}
      {ticked && (
        <TextInput
          pl={30}
          size="xs"
          label={
            <>
              To arm it, type the end of its serial number: <span className="mono">{word}</span>
            </>
          }
          autoComplete="off"
          spellCheck={false}
          maw={420}
          value={typed}
          error={typed.length >= word.length && !fits ? 'That is not the end of its serial number' : undefined}
          onChange={(event) => set(ticked, event.currentTarget.value)}
        />
      )}
    </div>
  )
}
