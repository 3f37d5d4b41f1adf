import { Collapse, Group, Select, Switch, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { NewDeployment } from '../../api/contract/deployments.ts'
import { fieldProblem } from '../api/call.ts'
import { RELEASE_WORDS } from './words.ts'

/** For how long the machine is somebody's, what becomes of it then, and who is told. */
export type Terms = {
  reserve: boolean
  /** As `datetime-local` holds it: local time without a zone. */
  until: string
  release: NewDeployment['release']
  webhook: string
  email: string
}
export const NO_TERMS: Terms = { reserve: false, until: '', release: 'leave', webhook: '', email: '' }

/** The terms as the API takes them. */
export function termsOf(terms: Terms) {
  return {
    ...(terms.reserve && terms.until
      ? { reservedUntil: new Date(terms.until).toISOString(), release: terms.release }
      : {}),
    notify: { webhook: terms.webhook.trim() || null, email: terms.email.trim() || null },
  }
}

export function TermsFields(props: { terms: Terms; set: (terms: Terms) => void; error: Error | null }) {
  const { terms, set, error } = props
  const [notify, setNotify] = useState(false)
  return (
    <>
      <Switch
        label="Reserve the machine"
        description="Until then no other deployment begins on it"
        checked={terms.reserve}
        onChange={(event) => set({ ...terms, reserve: event.currentTarget.checked })}
      />
      <Collapse expanded={terms.reserve}>
        <Group grow align="flex-start">
          <TextInput
            type="datetime-local"
            label="Until"
            required={terms.reserve}
            withAsterisk={false}
            value={terms.until}
            error={fieldProblem(error, 'reservedUntil')}
            onChange={(event) => set({ ...terms, until: event.currentTarget.value })}
          />
          <Select
            label="Then"
            allowDeselect={false}
            data={Object.entries(RELEASE_WORDS).map(([value, label]) => ({ value, label }))}
            value={terms.release}
            onChange={(release) => set({ ...terms, release: release as Terms['release'] })}
          />
        </Group>
      </Collapse>
      <Switch
        label="Tell somebody how it ended"
        checked={notify}
        onChange={(event) => {
          setNotify(event.currentTarget.checked)
          set({ ...terms, webhook: '', email: '' })
        }}
      />
      <Collapse expanded={notify}>
        <Group grow align="flex-start">
          <TextInput
            type="email"
            label="By e-mail"
            placeholder="name@example.org"
            value={terms.email}
            error={fieldProblem(error, 'notify.email')}
            onChange={(event) => set({ ...terms, email: event.currentTarget.value })}
          />
          <TextInput
            type="url"
            label="By webhook"
            placeholder="https://example.org/hook"
            value={terms.webhook}
            error={fieldProblem(error, 'notify.webhook')}
            onChange={(event) => set({ ...terms, webhook: event.currentTarget.value })}
          />
        </Group>
      </Collapse>
    </>
  )
}
