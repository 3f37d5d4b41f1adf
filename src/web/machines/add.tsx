import { Drawer } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useDo } from '../api/use.ts'
import { asNew } from './fields.ts'
import { MachineForm } from './form.tsx'

/** Registers a machine that was not seen yet. */
export function AddMachine({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const navigate = useNavigate()
  const create = useDo('createMachine', {
    quiet: true,
    done: (machine) => `${machine.name} is registered and ready.`,
    after: (machine) => void navigate({ to: '/machines/$machine', params: { machine: machine.name } }),
  })
  return (
    <Drawer opened={opened} onClose={onClose} title="Add a machine" size="md">
      <MachineForm
        action="Add machine"
        error={create.error}
        busy={create.isPending}
        onClose={onClose}
        onSend={(_, fields) => create.mutate({ body: asNew(fields) })}
      />
    </Drawer>
  )
}
