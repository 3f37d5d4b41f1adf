import { Button, FileInput, Group, Modal, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { Image } from '../../api/contract/images.ts'
import { fieldProblem } from '../api/call.ts'
import { queries, toast } from '../api/use.ts'
import { Meter } from '../parts/meter.tsx'
import { ProblemNote } from '../parts/page.tsx'
import { bytes } from '../parts/words.ts'
import { imageName, kindOf } from './format.ts'
import { Rate } from './rate.ts'
import { type Step, send } from './send.ts'

type Kind = Image['kind']

export const KIND_WORDS: Readonly<Record<Kind, { word: string; what: string }>> = {
  disk: { word: 'Disk', what: 'a whole disk, to be written to the disks of machines' },
  partition: { word: 'Partition', what: 'one filesystem, to be written to a partition' },
  bundle: { word: 'Kernel and initrds', what: 'what a machine loads and runs from its memory' },
  iso: { word: 'ISO', what: 'an installation disc' },
  wim: { word: 'WIM', what: 'a Windows image' },
}
const HINTS: Readonly<Partial<Record<Kind, string>>> = {
  disk: 'Raw, .gz, .xz, .zst or .qcow2. Of a raw file only what the server lacks is sent, and a broken upload goes on where it was.',
  partition: 'Raw, .gz, .xz, .zst or .qcow2, without a partition table.',
}

/** Takes files of this computer and makes an image of them, or the next version of one. */
export function Upload({ image, onClose }: { image?: Pick<Image, 'name' | 'kind'>; onClose: () => void }) {
  const navigate = useNavigate()
  const [kind, setKind] = useState<Kind>(image?.kind ?? 'disk')
  const [name, setName] = useState(image?.name ?? '')
  const [kernel, setKernel] = useState<File | null>(null)
  const [initrds, setInitrds] = useState<File[]>([])
  const [file, setFile] = useState<File | null>(null)
  const [cmdline, setCmdline] = useState('')
  const [note, setNote] = useState('')
  const [description, setDescription] = useState('')
  const [visibility, setVisibility] = useState<Image['visibility']>('private')
  const [step, setStep] = useState<Step | null>(null)
  const [error, setError] = useState<Error | null>(null)
  const abort = useRef<AbortController | null>(null)
  const rate = useRef(new Rate())
  const busy = step !== null
  useLeaveWarning(busy)
  useEffect(() => () => abort.current?.abort(), [])

  const take = (chosen: File | null) => {
    setFile(chosen)
    if (!chosen || image) return
    if (!name) setName(imageName(chosen.name))
    if (kindOf(chosen.name) !== 'disk') setKind(kindOf(chosen.name))
  }
  const tell = (next: Step) => {
    rate.current.note(performance.now(), next.done)
    setStep((before) => {
      if (before && before.doing !== next.doing) rate.current = new Rate()
      return next
    })
  }
  const start = async (event: FormEvent) => {
    event.preventDefault()
    const files =
      kind === 'bundle'
        ? [
            ...(kernel ? [{ role: 'kernel' as const, file: kernel }] : []),
            ...initrds.map((initrd) => ({ role: 'initrd' as const, file: initrd })),
          ]
        : file
          ? [{ role: kind === 'iso' || kind === 'wim' ? kind : ('chunks' as const), file }]
          : []
    const order = { image: name, kind, description, visibility, cmdline, note, files }
    const run = new AbortController()
    abort.current = run
    rate.current = new Rate()
    setError(null)
    setStep({ doing: 'Asking the server', done: 0, of: 0 })
    try {
      const made = await send(order, tell, run.signal)
      toast(`${made.name}@${made.latest} is here.`)
      void queries.invalidateQueries()
      onClose()
      if (!image) void navigate({ to: '/images/$image', params: { image: made.name } })
    } catch (problem) {
      if (!run.signal.aborted) setError(problem instanceof Error ? problem : new Error(String(problem)))
    } finally {
      setStep(null)
    }
  }
  const pace = step ? rate.current.of(step.of) : undefined
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={image ? `New version of ${image.name}` : 'Upload an image'}
      closeOnClickOutside={!busy}
      closeOnEscape={!busy}
    >
      <form onSubmit={start}>
        <Stack gap="sm">
          <ProblemNote error={error} />
          {!image && (
            <SegmentedControl
              size="xs"
              aria-label="Kind of image"
              value={kind}
              disabled={busy}
              onChange={(value) => setKind(value as Kind)}
              data={Object.entries(KIND_WORDS).map(([value, { word }]) => ({ value, label: word }))}
            />
          )}
          <Text size="xs" c="dimmed">
            It is {KIND_WORDS[kind].what}.
          </Text>
          {kind === 'bundle' ? (
            <>
              <FileInput
                label="Kernel"
                required
                withAsterisk={false}
                placeholder="vmlinuz"
                value={kernel}
                disabled={busy}
                onChange={setKernel}
              />
              <FileInput
                label="Initrds"
                description="Loaded in this order"
                multiple
                clearable
                placeholder="initrd.img"
                value={initrds}
                disabled={busy}
                onChange={setInitrds}
              />
              <TextInput
                label="Command line"
                placeholder="console=ttyS0"
                value={cmdline}
                disabled={busy}
                error={fieldProblem(error, 'cmdline')}
                onChange={(event) => setCmdline(event.currentTarget.value)}
              />
            </>
          ) : (
            <FileInput
              label={kind === 'iso' || kind === 'wim' ? KIND_WORDS[kind].word : 'File'}
              description={HINTS[kind]}
              required
              withAsterisk={false}
              placeholder="Choose a file"
              value={file}
              disabled={busy}
              onChange={take}
            />
          )}
          {!image && (
            <>
              <TextInput
                label="Name"
                data-autofocus
                required
                withAsterisk={false}
                placeholder="debian-12"
                value={name}
                disabled={busy}
                error={fieldProblem(error, 'name') ?? fieldProblem(error, 'image')}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <TextInput
                label="Description"
                value={description}
                disabled={busy}
                onChange={(event) => setDescription(event.currentTarget.value)}
              />
              <Select
                label="Who may see and use it"
                allowDeselect={false}
                disabled={busy}
                data={[
                  { value: 'private', label: 'I and operators; sharing can follow' },
                  { value: 'public', label: 'everybody who can log in' },
                ]}
                value={visibility}
                onChange={(value) => setVisibility(value as Image['visibility'])}
              />
            </>
          )}
          <TextInput
            label="Note"
            description="What is new in this version"
            value={note}
            disabled={busy}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          {step && (
            <Meter
              doing={step.doing}
              label={step.doing}
              done={step.done}
              of={step.of}
              bytesPerSecond={pace?.bytesPerSecond}
              secondsLeft={pace?.secondsLeft}
              more={
                step.retrying
                  ? `The connection broke; trying again: ${step.retrying}`
                  : step.sent !== undefined &&
                    `${bytes(step.sent)} sent; ${bytes(step.done - step.sent)} were zeros or here already`
              }
            />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={busy ? () => abort.current?.abort() : onClose}>
              {busy ? 'Stop' : 'Cancel'}
            </Button>
            <Button type="submit" leftSection={<IconUpload size={15} />} loading={busy}>
              {error ? 'Go on' : 'Upload'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** The browser asks before a page with work under way is left. */
function useLeaveWarning(busy: boolean): void {
  useEffect(() => {
    if (!busy) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [busy])
}
