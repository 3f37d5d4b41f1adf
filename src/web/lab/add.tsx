import { Button, Group, Modal, NumberInput, Select, Stack, Switch, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { NewLabMachine } from '../../api/contract/lab.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'

const NICS: readonly NewLabMachine['nic'][] = ['virtio-net-pci', 'e1000', 'e1000e']
const ROMS: Readonly<Record<NewLabMachine['rom'], string>> = {
  ipxe: 'iPXE, built in',
  pxe: 'PXE of the firmware itself',
  http: 'HTTP boot of the firmware itself',
}

/** Makes a virtual machine and switches it on. */
export function AddLabMachine({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [mac, setMac] = useState('')
  const [firmware, setFirmware] = useState<NewLabMachine['firmware']>('bios')
  const [rom, setRom] = useState<NewLabMachine['rom']>('ipxe')
  const [secureBoot, setSecureBoot] = useState(false)
  const [nic, setNic] = useState<NewLabMachine['nic']>('virtio-net-pci')
  const [memoryMiB, setMemory] = useState(1024)
  const [diskGiB, setDisk] = useState(0)
  const add = useDo('addLabMachine', {
    quiet: true,
    done: (machine) => `${machine.name} is switched on.`,
    after: onClose,
  })
  return (
    <Modal opened onClose={onClose} title="Add a lab machine">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const disksGiB = diskGiB > 0 ? [diskGiB] : []
          add.mutate({
            body: { name, ...(mac.trim() === '' ? {} : { mac }), firmware, rom, secureBoot, nic, memoryMiB, disksGiB },
          })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={add.error} />
          <TextInput
            label="Name"
            data-autofocus
            required
            withAsterisk={false}
            placeholder="first"
            value={name}
            error={fieldProblem(add.error, 'name')}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <TextInput
            label="MAC"
            placeholder="made from the name"
            value={mac}
            error={fieldProblem(add.error, 'mac')}
            onChange={(event) => setMac(event.currentTarget.value)}
          />
          <Group grow>
            <Select
              label="Firmware"
              allowDeselect={false}
              data={[
                { value: 'bios', label: 'BIOS' },
                { value: 'uefi', label: 'UEFI' },
              ]}
              value={firmware}
              onChange={(value) => {
                setFirmware(value as NewLabMachine['firmware'])
                if (value !== 'bios') return
                setRom('ipxe')
                setSecureBoot(false)
              }}
            />
            <Select
              label="Speaks"
              allowDeselect={false}
              disabled={firmware === 'bios' || secureBoot}
              data={Object.entries(ROMS).map(([value, label]) => ({ value, label }))}
              value={rom}
              onChange={(value) => setRom(value as NewLabMachine['rom'])}
            />
          </Group>
          <Switch
            label="Secure Boot"
            description="Starts only what Microsoft signed, so it boots by shim and GRUB: set the boot loader of its machine to grub"
            disabled={firmware === 'bios'}
            checked={secureBoot}
            onChange={(event) => {
              setSecureBoot(event.currentTarget.checked)
              // Its firmware refuses iPXE, and drives no other card by itself.
              if (event.currentTarget.checked) {
                setRom('pxe')
                setNic('virtio-net-pci')
              }
            }}
          />
          <Group grow>
            <NumberInput
              label="Memory in MiB"
              min={128}
              max={65_536}
              step={256}
              value={memoryMiB}
              onChange={(n) => setMemory(Number(n) || 512)}
            />
            <NumberInput
              label="Disk in GiB"
              description="0 for none"
              inputWrapperOrder={['label', 'input', 'description']}
              min={0}
              max={2048}
              value={diskGiB}
              onChange={(n) => setDisk(Number(n) || 0)}
            />
          </Group>
          <Select
            label="Network card"
            allowDeselect={false}
            disabled={secureBoot}
            data={[...NICS]}
            value={nic}
            onChange={(value) => setNic(value as NewLabMachine['nic'])}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={add.isPending}>
              Add and switch on
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
