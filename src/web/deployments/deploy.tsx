import { Anchor, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { IconDeviceFloppy } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useGet } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { ProfileSelect } from '../profiles/choose.tsx'
import { Arming } from './arm.tsx'
import { armOf, offered } from './arming.ts'
import { useInventory, useOrder } from './order.ts'
import { PlanView, UnknownDisks } from './plan.tsx'
import { NO_TERMS, TermsFields, termsOf } from './terms.tsx'

type Machine = { id: string; name: string }

/** Orders that a machine become a profile: choose, read what would be done, arm the disks, queue. */
export function Deploy({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const params = { machine: machine.id }
  const [profile, setProfile] = useState<string | null>(null)
  const [armed, setArmed] = useState<ReadonlySet<string>>(new Set())
  const [serial, setSerial] = useState('')
  const [terms, setTerms] = useState(NO_TERMS)
  const spec = useGet('getProfile', { params: { profile: profile ?? '' } }, { enabled: profile !== null })
  const targets = spec.data?.kind === 'install' ? spec.data.targets : []
  const inventory = useInventory(machine.id)
  const bare = useGet('planDeployment', { params, body: { profile: profile ?? '' } }, { enabled: profile !== null })
  const candidates = bare.data ? offered(bare.data, inventory.data?.inventory, targets) : []
  const unknown = bare.data?.inventoryAt === null
  const arm = unknown
    ? serial.trim()
      ? [{ disk: serial.trim(), bytes: null, fingerprint: null }]
      : []
    : armOf(candidates, armed)
  const plan = useGet(
    'planDeployment',
    { params, body: { profile: profile ?? '', arm } },
    { enabled: profile !== null && bare.data !== undefined, keep: true },
  )
  const order = useOrder(onClose)
  const may = arm.length > 0 && (plan.data?.possible || unknown) && !plan.isPlaceholderData
  return (
    <Modal opened onClose={onClose} size="lg" title={`Deploy ${machine.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (profile) order.mutate({ params, body: { profile, arm, ...termsOf(terms) } })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={order.error} />
          <ProfileSelect
            label="Profile"
            kind="install"
            placeholder="Choose what it becomes"
            description={
              <>
                One of kind install: images that are written to its disks.{' '}
                <Anchor size="xs" renderRoot={(props) => <Link to="/profiles" {...props} />}>
                  All profiles
                </Anchor>
              </>
            }
            value={profile}
            data-autofocus
            onChange={(chosen) => {
              setProfile(chosen)
              setArmed(new Set())
            }}
          />
          {profile && unknown && (
            <>
              <UnknownDisks
                busy={order.isPending}
                onInventory={() => order.mutate({ params, body: { action: { kind: 'inventory' } } })}
              />
              <TextInput
                label="Or name the disk that may be overwritten"
                description="Its whole serial number, as it is printed on the disk. A machine without that disk is refused and not touched."
                value={serial}
                onChange={(event) => setSerial(event.currentTarget.value)}
              />
            </>
          )}
          {profile && candidates.length > 0 && (
            <>
              <Text size="sm" fw={560}>
                Which disks may be overwritten
              </Text>
              <Arming candidates={candidates} armed={armed} onChange={setArmed} gone="overwritten" />
            </>
          )}
          {profile && <PlanView plan={plan.data || arm.length > 0 ? plan : bare} />}
          {profile && <TermsFields terms={terms} set={setTerms} error={order.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              color="red.8"
              leftSection={<IconDeviceFloppy size={15} />}
              disabled={!may}
              loading={order.isPending}
            >
              Deploy {machine.name}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
