import { Modal, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconDatabase, IconDeviceDesktop, IconDisc, IconFileText, IconPlus } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { type ComponentType, type KeyboardEvent, type ReactNode, useId, useState } from 'react'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import { MachineState } from '../parts/status.tsx'
import { usePlaces } from './navigation.tsx'
import style from './shell.module.css'

type Hit = { key: string; icon: ComponentType<{ size?: number }>; text: string; more?: ReactNode; go: () => void }

/** Finds machines on the server by name, MAC, address, serial or tag, images, volumes and configs by name, and the pages of the console. */
export function Search({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={560}
      centered={false}
      yOffset="10vh"
    >
      {opened && <Palette onClose={onClose} />}
    </Modal>
  )
}

/** Volumes and configs whose names hold what is searched for. */
function useNamed(wanted: string): Hit[] {
  const navigate = useNavigate()
  const asks = { keep: true, enabled: wanted !== '' }
  const volumes = useGet('listVolumes', { query: { q: wanted, limit: 5 } }, asks)
  const configs = useGet('listConfigs', { query: { q: wanted, limit: 5 } }, asks)
  if (wanted === '') return []
  const dimmed = (words: string) => (
    <Text span size="xs" c="dimmed">
      {words}
    </Text>
  )
  return [
    ...(volumes.data?.items ?? []).map(({ id, name }) => ({
      key: `volume ${id}`,
      icon: IconDatabase,
      text: name,
      more: dimmed('volume'),
      go: () => void navigate({ to: '/volumes/$volume', params: { volume: name } }),
    })),
    ...(configs.data?.items ?? []).map(({ name, kind }) => ({
      key: `config ${name}`,
      icon: IconFileText,
      text: name,
      more: dimmed(`config of kind ${kind}`),
      go: () => void navigate({ to: '/configs/$config', params: { config: name } }),
    })),
  ]
}

function Palette({ onClose }: { onClose: () => void }) {
  const list = useId()
  const navigate = useNavigate()
  const operator = useMay('operator')
  const places = usePlaces()
  const [text, setText] = useState('')
  const [wanted] = useDebouncedValue(text.trim(), 120)
  const [chosen, setChosen] = useState(0)
  const machines = useGet('listMachines', { query: { q: wanted || undefined, limit: 8 } }, { keep: true })

  const hits: Hit[] = (machines.data?.items ?? []).map((machine) => ({
    key: machine.id,
    icon: IconDeviceDesktop,
    text: machine.name,
    more: (
      <>
        <Text span size="xs" c="dimmed" className="mono">
          {machine.lastAddress ?? machine.macs[0]}
        </Text>
        <span className={style.where}>
          <MachineState state={machine.state} />
        </span>
      </>
    ),
    go: () => void navigate({ to: '/machines/$machine', params: { machine: machine.name } }),
  }))
  const named = useNamed(wanted)
  const images = useGet('listImages', { query: { q: wanted, limit: 5 } }, { keep: true, enabled: wanted !== '' })
  if (wanted !== '')
    for (const image of images.data?.items ?? [])
      hits.push({
        key: `image ${image.name}`,
        icon: IconDisc,
        text: image.name,
        more: (
          <Text span size="xs" c="dimmed">
            image of kind {image.kind}
          </Text>
        ),
        go: () => void navigate({ to: '/images/$image', params: { image: image.name } }),
      })
  hits.push(...named)
  const said = text.trim().toLowerCase()
  for (const [, entries] of places)
    for (const { to, word, icon } of entries)
      if (word.toLowerCase().includes(said)) hits.push({ key: to, icon, text: word, go: () => void navigate({ to }) })
  if (operator && 'add a machine'.includes(said))
    hits.push({
      key: 'add',
      icon: IconPlus,
      text: 'Add a machine',
      go: () => void navigate({ to: '/machines', search: { add: true } }),
    })

  const at = Math.min(chosen, hits.length - 1)
  const take = (hit: Hit | undefined) => {
    if (!hit) return
    onClose()
    hit.go()
  }
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setChosen((at + 1) % Math.max(1, hits.length))
    else if (event.key === 'ArrowUp') setChosen((at - 1 + hits.length) % Math.max(1, hits.length))
    else if (event.key === 'Enter') take(hits[at])
    else return
    event.preventDefault()
  }
  return (
    <div className={style.palette}>
      <input
        data-autofocus
        role="combobox"
        aria-label="Search machines, images and pages"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={hits[at] ? `${list}-${at}` : undefined}
        placeholder="A machine (name, MAC, address, serial, tag), image, volume, config or page"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value)
          setChosen(0)
        }}
        onKeyDown={pressed}
      />
      <div id={list} role="listbox" aria-label="Found">
        {hits.map((hit, index) => (
          <div
            key={hit.key}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerMove={() => setChosen(index)}
            onClick={() => take(hit)}
            onKeyDown={pressed}
            tabIndex={-1}
          >
            <hit.icon size={16} />
            <span>{hit.text}</span>
            {hit.more}
          </div>
        ))}
        {hits.length === 0 && (
          <Text size="sm" c="dimmed" p="sm">{`Nothing has “${text}” in its name, MAC, address, serial or tags.`}</Text>
        )}
      </div>
      <div className={style.keys}>↑ ↓ to choose · Enter to open · Esc to close</div>
    </div>
  )
}
