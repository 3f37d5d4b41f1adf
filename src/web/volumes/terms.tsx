import { Stack, TagsInput, Textarea } from '@mantine/core'
import type { Volume } from '../../api/contract/volumes.ts'
import { fieldProblem } from '../api/call.ts'
import { labelsOf, labelTexts } from '../images/labels.ts'
import { NumberField } from '../parts/fields.tsx'
import { fromGiB, toGiB } from './words.ts'

/** What is said of a volume and what it may take, as a form holds it. */
export type Terms = Readonly<{ limit: number | null; boots: number | null; labels: string[]; notes: string }>

export const NO_TERMS: Terms = { limit: null, boots: null, labels: [], notes: '' }

export function termsOf({ limitBytes, bootsLeft, labels, notes }: Volume): Terms {
  return { limit: toGiB(limitBytes), boots: bootsLeft, labels: labelTexts(labels), notes }
}

/** As the API takes it. */
export const termsBody = ({ limit, boots, labels, notes }: Terms) =>
  ({ limitBytes: fromGiB(limit), bootsLeft: boots, labels: labelsOf(labels), notes }) as const

export function TermsFields(props: { terms: Terms; onChange: (terms: Terms) => void; error: Error | null }) {
  const { terms, onChange, error } = props
  const set = (part: Partial<Terms>) => onChange({ ...terms, ...part })
  return (
    <Stack gap="sm">
      <NumberField
        label="Limit in GiB"
        description="Most that its own writes may take; beyond it is a full disk. Empty: as many as the pool has"
        min={0}
        decimalScale={10}
        value={terms.limit}
        of="limitBytes"
        error={error}
        onChange={(limit) => set({ limit })}
      />
      <NumberField
        label="Boots left"
        description="Then it is set aside until it is reverted; empty: unlimited"
        min={1}
        allowDecimal={false}
        value={terms.boots}
        of="bootsLeft"
        error={error}
        onChange={(boots) => set({ boots })}
      />
      <TagsInput
        label="Labels"
        description="KEY=VALUE, then Enter. Volumes with rotation=NAME are served in turn to profiles with that rotation."
        value={terms.labels}
        error={fieldProblem(error, 'labels')}
        onChange={(labels) => set({ labels })}
      />
      <Textarea
        label="Notes"
        autosize
        minRows={2}
        maxLength={2000}
        value={terms.notes}
        onChange={(event) => set({ notes: event.currentTarget.value })}
      />
    </Stack>
  )
}
