import { Button, Checkbox, Group, Modal, Select, Stack, Switch, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconShare } from '@tabler/icons-react'
import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import type { Volume } from '../../api/contract/volumes.ts'
import { fieldProblem } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { MachineSelect } from '../machines/select.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Code } from '../parts/copy.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Empty, Facts } from '../parts/page.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { count } from '../parts/words.ts'

type Made = OutputOf<'exportVolume'>

/** Through which targets a volume is served, and to whom. */
export function Exports({ volume }: { volume: Volume }) {
  const operator = useMay('operator')
  const [exporting, { open, close }] = useDisclosure(false)
  const end = useDo('endExport', { done: () => `The export of ${volume.name} is ended.` })
  const button = operator && (
    <Button size="compact-xs" variant="default" leftSection={<IconShare size={13} />} onClick={open}>
      Export
    </Button>
  )
  return (
    <Card title="Served as" flush aside={button}>
      {volume.exports.length === 0 ? (
        <Empty title="It is not served now">
          A machine gets it when it boots a profile that names it. Export it to use it from any other initiator.
        </Empty>
      ) : (
        <table className="rows">
          <thead>
            <tr>
              <th>For</th>
              <th>Address</th>
              <th className="wide">Who may</th>
              <th>Sessions</th>
              {operator && <ActionsHead />}
            </tr>
          </thead>
          <tbody>
            {volume.exports.map((each) => (
              <tr key={each.id}>
                <td>
                  {each.for}
                  {each.readOnly && <div className="soft">read-only</div>}
                </td>
                <td>
                  <Code copy wrap>
                    {each.uri}
                  </Code>
                </td>
                <td className="wide soft">{mayText(each)}</td>
                <td className="figures">{each.sessions}</td>
                {operator && (
                  <td className="end">
                    <Confirm
                      title="End this export?"
                      text={
                        each.sessions > 0
                          ? `${count(each.sessions, 'session')} will be ended: the disk goes away under a running system (${each.for}).`
                          : 'Nobody is logged in. The address and its secret are then no longer good.'
                      }
                      action="End export"
                      onConfirm={() => end.mutate({ params: { volume: volume.id, export: each.id } })}
                    >
                      {(ask) => (
                        <Button size="compact-xs" variant="default" onClick={ask}>
                          End
                        </Button>
                      )}
                    </Confirm>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {exporting && <Export volume={volume} onClose={close} />}
    </Card>
  )
}

function mayText(each: Volume['exports'][number]): string {
  const who = each.initiator ?? 'any initiator'
  const where = each.address ? ` at ${each.address}` : ''
  return `${who}${where}${each.chapUser ? `, as ${each.chapUser} with its secret` : ''}`
}

export function Export({ volume, onClose }: { volume: Volume; onClose: () => void }) {
  const [initiator, setInitiator] = useState('')
  const [address, setAddress] = useState('')
  const [chap, setChap] = useState(true)
  const [readOnly, setReadOnly] = useState(volume.condition !== 'ready')
  const [snapshot, setSnapshot] = useState<string | null>(null)
  const start = useDo('exportVolume', { quiet: true })
  if (start.data) return <Given made={start.data} title={`${volume.name} is exported`} onClose={onClose} />
  return (
    <FormDialog
      title={`Export ${volume.name}`}
      action="Export"
      error={start.error}
      busy={start.isPending}
      onClose={onClose}
      onSend={() =>
        start.mutate({
          params: { volume: volume.id },
          body: {
            ...{ initiator: initiator.trim() || null, address: address.trim() || null },
            ...{ chap, snapshot, readOnly: readOnly || snapshot !== null },
          },
        })
      }
    >
      <TextInput
        label="Initiator"
        description="Its name; empty: any"
        data-autofocus
        placeholder="iqn.2026-01.org.example:host"
        value={initiator}
        error={fieldProblem(start.error, 'initiator')}
        onChange={(event) => setInitiator(event.currentTarget.value)}
      />
      <TextInput
        label="From address"
        description="Empty: any"
        placeholder="192.0.2.10"
        value={address}
        error={fieldProblem(start.error, 'address')}
        onChange={(event) => setAddress(event.currentTarget.value)}
      />
      <Switch
        label="With a user and a secret (CHAP)"
        checked={chap}
        onChange={(event) => setChap(event.currentTarget.checked)}
      />
      {!chap && !initiator.trim() && !address.trim() && (
        <Notice tone="wait" title={`Everybody on the network can ${readOnly ? 'read' : 'read and change'} it`}>
          <p>Ask for a secret, or say who may.</p>
        </Notice>
      )}
      {volume.snapshots.length > 0 && (
        <Select
          label="Which content"
          clearable
          placeholder="As it is now"
          data={volume.snapshots.map((each) => each.name)}
          value={snapshot}
          onChange={setSnapshot}
        />
      )}
      <Checkbox
        label="Read-only"
        description={snapshot ? 'A snapshot is always read-only' : undefined}
        checked={readOnly || snapshot !== null}
        disabled={snapshot !== null}
        onChange={(event) => setReadOnly(event.currentTarget.checked)}
      />
    </FormDialog>
  )
}

/** Hands a volume that was set aside read-only to a machine. */
export function Examine({ volume, onClose }: { volume: Volume; onClose: () => void }) {
  const [machine, setMachine] = useState<string | null>(null)
  const start = useDo('examineVolume', { quiet: true })
  if (start.data) return <Given made={start.data} title={`${volume.name} for examination`} onClose={onClose} />
  return (
    <FormDialog
      title={`Examine ${volume.name}`}
      action="Hand it over"
      error={start.error}
      busy={start.isPending}
      disabled={!machine}
      onClose={onClose}
      onSend={() => {
        if (machine) start.mutate({ params: { volume: volume.id }, body: { machine } })
      }}
    >
      <Text size="sm" c="dimmed">
        The machine may log in and read it; nobody writes it meanwhile. End the export when you are done.
      </Text>
      <MachineSelect label="Machine that examines" value={machine} onChange={setMachine} data-autofocus />
    </FormDialog>
  )
}

/** Address, user and secret: the secret is never told again. */
function Given({ made, title, onClose }: { made: Made; title: string; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeOnClickOutside={false}>
      <Stack gap="sm">
        <Facts
          rows={[
            [
              'Address',
              <Code key="uri" copy wrap>
                {made.uri}
              </Code>,
            ],
            [
              'Initiator',
              made.initiator && (
                <Code copy wrap>
                  {made.initiator}
                </Code>
              ),
            ],
            ['User', made.chapUser && <Code copy>{made.chapUser}</Code>],
            [
              'Secret',
              made.chapSecret && (
                <Code copy wrap>
                  {made.chapSecret}
                </Code>
              ),
            ],
            ['Access', made.readOnly ? 'read-only' : 'read and write'],
          ]}
        />
        {made.chapSecret && (
          <Notice tone="wait" title="Copy the secret now">
            <p>It is not shown again. Lost, it takes a new export.</p>
          </Notice>
        )}
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
