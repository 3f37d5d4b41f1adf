import { Button, FileInput, Group, Modal, Progress, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { type FormEvent, useRef, useState } from 'react'
import { fieldProblem } from '../api/call.ts'
import { queries, toast } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { bytes } from '../parts/words.ts'
import { type Step, send } from './send.ts'

type Given = { name: string; kind: 'bundle' | 'iso' }

/** Takes files of this computer and makes an image of them, or the next version of one. */
export function Upload({ image, opened, onClose }: { image?: Given; opened: boolean; onClose: () => void }) {
  const [kind, setKind] = useState<Given['kind']>(image?.kind ?? 'bundle')
  const [name, setName] = useState(image?.name ?? '')
  const [kernel, setKernel] = useState<File | null>(null)
  const [initrds, setInitrds] = useState<File[]>([])
  const [iso, setIso] = useState<File | null>(null)
  const [cmdline, setCmdline] = useState('')
  const [note, setNote] = useState('')
  const [description, setDescription] = useState('')
  const [step, setStep] = useState<Step | null>(null)
  const [error, setError] = useState<Error | null>(null)
  const abort = useRef<AbortController | null>(null)
  const close = () => {
    abort.current?.abort()
    onClose()
  }
  const start = async (event: FormEvent) => {
    event.preventDefault()
    const files =
      kind === 'iso'
        ? iso
          ? [{ role: 'iso' as const, file: iso }]
          : []
        : [
            ...(kernel ? [{ role: 'kernel' as const, file: kernel }] : []),
            ...initrds.map((file) => ({ role: 'initrd' as const, file })),
          ]
    abort.current = new AbortController()
    setError(null)
    try {
      await send({ image: name, description, cmdline, note, files }, setStep, abort.current.signal)
      toast(`${name} has a new version.`)
      void queries.invalidateQueries()
      onClose()
    } catch (problem) {
      setError(problem instanceof Error ? problem : new Error(String(problem)))
    } finally {
      setStep(null)
    }
  }
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={image ? `New version of ${image.name}` : 'Upload an image'}
      closeOnClickOutside={!step}
    >
      <form onSubmit={start}>
        <Stack gap="sm">
          <ProblemNote error={error} />
          {!image && (
            <>
              <SegmentedControl
                size="xs"
                value={kind}
                onChange={(value) => setKind(value as Given['kind'])}
                data={[
                  { value: 'bundle', label: 'Kernel and initrds' },
                  { value: 'iso', label: 'ISO' },
                ]}
              />
              <TextInput
                label="Name"
                data-autofocus
                required
                withAsterisk={false}
                placeholder="debian-12"
                value={name}
                error={fieldProblem(error, 'name')}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <TextInput
                label="Description"
                value={description}
                onChange={(event) => setDescription(event.currentTarget.value)}
              />
            </>
          )}
          {kind === 'iso' ? (
            <FileInput
              label="ISO"
              required
              withAsterisk={false}
              placeholder="Choose a file"
              value={iso}
              onChange={setIso}
            />
          ) : (
            <>
              <FileInput
                label="Kernel"
                required
                withAsterisk={false}
                placeholder="vmlinuz"
                value={kernel}
                onChange={setKernel}
              />
              <FileInput
                label="Initrds"
                description="Loaded in this order"
                multiple
                clearable
                placeholder="initrd.img"
                value={initrds}
                onChange={setInitrds}
              />
              <TextInput
                label="Command line"
                placeholder="console=ttyS0"
                value={cmdline}
                error={fieldProblem(error, 'cmdline')}
                onChange={(event) => setCmdline(event.currentTarget.value)}
              />
              <TextInput label="Note" value={note} onChange={(event) => setNote(event.currentTarget.value)} />
            </>
          )}
          {step && (
            <div>
              <Group justify="space-between">
                <Text size="xs">{step.doing}</Text>
                <Text size="xs" c="dimmed" className="figures">
                  {bytes(step.done)} of {bytes(step.of)}
                </Text>
              </Group>
              <Progress value={step.of > 0 ? (100 * step.done) / step.of : 100} aria-label={step.doing} />
            </div>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" leftSection={<IconUpload size={15} />} loading={step !== null}>
              Upload
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
