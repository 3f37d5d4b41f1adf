import { Checkbox, NumberInput, PasswordInput, Select, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { InputOf } from '../../api/client/client.ts'
import type { PowerDriverInfo } from '../../api/contract/power.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { type DriverKind, dropsSecrets, type Field, KINDS, settingsOf, typedOf } from './fields.ts'

type Settings = NonNullable<InputOf<'putPowerDriver'>['body']>['settings']

/** Adds a driver to a machine, or changes one. Secrets that are kept are not shown. */
export function DriverForm(props: {
  machine: Readonly<{ id: string; name: string }>
  driver?: PowerDriverInfo | undefined
  onClose: () => void
}) {
  const { machine, driver, onClose } = props
  const [kind, setKind] = useState<DriverKind>((driver?.kind as DriverKind | undefined) ?? 'ipmi')
  const [name, setName] = useState(driver?.name ?? 'bmc')
  const [typed, setTyped] = useState<Record<string, string>>(driver ? typedOf(driver.settings) : {})
  const [secrets, setSecrets] = useState<Record<string, string>>({})
  const [unread, setUnread] = useState<Error | null>(null)
  const save = useDo('putPowerDriver', {
    quiet: true,
    done: (saved) => `${machine.name} is reached through ${saved.name}.`,
    after: onClose,
  })
  const { fields, secrets: asked, about } = KINDS[kind]
  const drops = driver !== undefined && dropsSecrets(driver, typed)
  const send = () => {
    setUnread(null)
    try {
      const given = Object.fromEntries(Object.entries(secrets).filter(([, value]) => value !== ''))
      save.mutate({
        params: { machine: machine.id, driver: name.trim() },
        body: {
          settings: settingsOf(kind, typed) as Settings,
          secrets: Object.keys(given).length > 0 ? given : null,
          position: driver?.position,
        },
      })
    } catch (error) {
      setUnread(error instanceof Error ? error : new Error(String(error)))
    }
  }
  return (
    <FormDialog
      title={driver ? `Driver ${driver.name} of ${machine.name}` : `Add a driver to ${machine.name}`}
      action="Save"
      error={unread ?? save.error}
      busy={save.isPending}
      disabled={name.trim() === '' || fields.some((field) => field.needed && !typed[field.name]?.trim())}
      onClose={onClose}
      onSend={send}
    >
      <Select
        label="Kind"
        description={about}
        allowDeselect={false}
        disabled={driver !== undefined}
        value={kind}
        onChange={(value) => value && setKind(value as DriverKind)}
        data={Object.entries(KINDS).map(([value, { word }]) => ({ value, label: word }))}
      />
      <TextInput
        label="Name"
        description="Routes of its BMC use it"
        disabled={driver !== undefined}
        value={name}
        error={fieldProblem(save.error, 'driver')}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {fields.map((field) => (
        <Input
          key={field.name}
          field={field}
          value={typed[field.name] ?? ''}
          error={fieldProblem(save.error, `settings.${field.name}`)}
          onChange={(value) => setTyped((before) => ({ ...before, [field.name]: value }))}
        />
      ))}
      {drops && (
        <Notice tone="wait" title="Give its secrets again">
          <p>
            What is kept is bound to the address, user and certificate or host key that it was given for, and is
            dropped.
          </p>
        </Notice>
      )}
      {asked.map(({ name: secret, label, long }) => {
        const shared = {
          label,
          description: driver?.secrets.includes(secret) ? 'One is kept; empty leaves it' : undefined,
          value: secrets[secret] ?? '',
          autoComplete: 'off',
          onChange: (event: { currentTarget: { value: string } }) => {
            const { value } = event.currentTarget
            setSecrets((before) => ({ ...before, [secret]: value }))
          },
        }
        return long ? (
          <Textarea key={secret} autosize minRows={3} maxRows={8} {...shared} />
        ) : (
          <PasswordInput key={secret} {...shared} />
        )
      })}
    </FormDialog>
  )
}

function Input(props: { field: Field; value: string; error: string | undefined; onChange: (value: string) => void }) {
  const { field, value, error, onChange } = props
  const shared = {
    label: field.label,
    description: field.hint,
    placeholder: field.example,
    withAsterisk: field.needed ?? false,
    error,
    value,
  }
  if (field.form === 'choice')
    return (
      <Select
        {...shared}
        allowDeselect={false}
        value={value || field.choices?.[0] || null}
        data={[...(field.choices ?? [])]}
        onChange={(chosen) => onChange(chosen ?? '')}
      />
    )
  if (field.form === 'yes')
    return (
      <Checkbox
        label={field.label}
        checked={value === 'true'}
        onChange={(event) => onChange(String(event.currentTarget.checked))}
      />
    )
  if (field.form === 'number')
    return <NumberInput {...shared} min={0} allowDecimal={false} onChange={(number) => onChange(String(number))} />
  const typed = (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value)
  if (field.form === 'json' || field.form === 'lines')
    return <Textarea {...shared} autosize minRows={2} maxRows={10} onChange={typed} />
  return <TextInput {...shared} autoComplete="off" onChange={typed} />
}
