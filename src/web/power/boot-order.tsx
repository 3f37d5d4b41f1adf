import { Button, Checkbox, Select } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { Asked } from './asked.tsx'

type Order = NonNullable<OutputOf<'getBootOrder'>['order']>

const DEVICES: readonly { value: Order['device']; label: string }[] = [
  { value: 'pxe', label: 'Network (PXE)' },
  { value: 'http', label: 'Network (UEFI HTTP boot)' },
  { value: 'disk', label: 'Disk' },
  { value: 'cdrom', label: 'CD or DVD' },
  { value: 'usb', label: 'USB' },
  { value: 'media', label: 'Virtual drive' },
  { value: 'setup', label: 'Firmware setup' },
  { value: 'diag', label: 'Diagnostics' },
]

export function orderText(order: Order | null): string {
  if (!order) return 'Nothing in particular: its own order counts.'
  const device = DEVICES.find(({ value }) => value === order.device)?.label ?? order.device
  return `${device}, ${order.persistent ? 'always' : 'the next time only'}, as ${order.efi ? 'UEFI' : 'legacy BIOS'}.`
}

/** What the firmware of a machine was told to boot from. */
export function BootOrder({ machine }: { machine: Machine }) {
  const user = useMay('user')
  const [asked, { open }] = useDisclosure(false)
  const [changing, change] = useDisclosure(false)
  const order = useGet('getBootOrder', { params: { machine: machine.id } }, { enabled: asked })
  return (
    <Asked
      title="Firmware boots from"
      about="What its firmware was told to boot from, read back from its BMC."
      query={order}
      asked={asked}
      ask={open}
      aside={
        user && (
          <Button size="compact-xs" variant="default" onClick={change.open}>
            Change
          </Button>
        )
      }
    >
      {(said) => (
        <div style={{ padding: '0.75rem' }}>
          {orderText(said.order)} <span className="soft">({said.driver})</span>
          {changing && <ChangeOrder machine={machine} onClose={change.close} />}
        </div>
      )}
    </Asked>
  )
}

function ChangeOrder({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const [device, setDevice] = useState<Order['device'] | 'none'>('pxe')
  const [persistent, setPersistent] = useState(false)
  const [efi, setEfi] = useState(machine.firmware !== 'bios')
  const save = useDo('setBootOrder', {
    quiet: true,
    done: (said) =>
      said.confirmed === false
        ? `${said.driver} said yes, but reads back: ${orderText(said.order)}`
        : `${machine.name}: ${orderText(said.order)}`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`What the firmware of ${machine.name} boots from`}
      action="Tell it"
      error={save.error}
      busy={save.isPending}
      onClose={onClose}
      onSend={() =>
        save.mutate({
          params: { machine: machine.id },
          body: { order: device === 'none' ? null : { device, persistent, efi } },
        })
      }
    >
      <Select
        label="Device"
        allowDeselect={false}
        value={device}
        onChange={(value) => setDevice((value ?? 'pxe') as typeof device)}
        data={[...DEVICES, { value: 'none', label: 'Nothing in particular' }]}
      />
      {device !== 'none' && (
        <>
          <Checkbox
            label="Always, and not just the next time"
            checked={persistent}
            onChange={(event) => setPersistent(event.currentTarget.checked)}
          />
          <Checkbox
            label="As UEFI, and not as legacy BIOS"
            checked={efi}
            onChange={(event) => setEfi(event.currentTarget.checked)}
          />
        </>
      )}
    </FormDialog>
  )
}
