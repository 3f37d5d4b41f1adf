import { Button, Checkbox } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlayerTrackNext } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { MachineState, POWER_LOOKS, Status, traceLook } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { Approve } from './approve.tsx'
import style from './machines.module.css'

/** One machine in the list. `chosen` is undefined where nothing may be chosen. */
export const MachineRow = memo(function MachineRow(props: {
  machine: Machine
  chosen: boolean | undefined
  /** The same function at each drawing, so that only rows that changed are drawn again. */
  onChoose: (machine: Machine, on: boolean) => void
}) {
  const { machine, chosen } = props
  const operator = useMay('operator')
  const [approving, { open, close }] = useDisclosure(false)
  return (
    <tr data-chosen={chosen || undefined}>
      {chosen !== undefined && (
        <td>
          <Checkbox
            size="xs"
            aria-label={`Choose ${machine.name}`}
            checked={chosen}
            onChange={(event) => props.onChoose(machine, event.currentTarget.checked)}
          />
        </td>
      )}
      <td>
        <div className={style.name}>
          <Link to="/machines/$machine" params={{ machine: machine.name }} className="name" title={machine.name}>
            {machine.name}
          </Link>
          <span className="wider">
            {machine.tags.slice(0, 2).map((tag) => (
              <Link
                key={tag}
                to="/machines"
                search={{ tag }}
                className={style.tag}
                title={tag}
                style={{ textDecoration: 'none' }}
              >
                {tag}
              </Link>
            ))}
          </span>
        </div>
      </td>
      <td>
        <div className={style.standing}>
          <MachineState state={machine.state} />
          {operator && machine.state === 'discovered' && (
            <Button size="compact-xs" className="wide" onClick={open}>
              Approve
            </Button>
          )}
        </div>
        {approving && <Approve machine={machine} opened onClose={close} stay />}
      </td>
      <td>{machine.power && <Status look={POWER_LOOKS[machine.power]} bare />}</td>
      <td>
        {machine.boot ? (
          <div className={style.boot} title={machine.boot.headline}>
            <Status look={traceLook(machine.boot.state)} bare>
              {machine.boot.state === 'running' ? machine.boot.stage : machine.boot.state}
            </Status>
            <span className={`ellipsis soft wide ${style.headline}`}>{machine.boot.headline}</span>
          </div>
        ) : (
          <span className="soft">–</span>
        )}
      </td>
      <td className="wide" style={{ whiteSpace: 'nowrap' }}>
        {machine.profile ?? <span className="soft">none</span>}
        {machine.nextBoot && (
          <div className={style.once} title={`Just once, ordered by ${machine.nextBoot.orderedBy}`}>
            <IconPlayerTrackNext size={13} aria-label="next boot" /> {machine.nextBoot.profile}
          </div>
        )}
      </td>
      <td className="wide mono">{machine.lastAddress ?? machine.ip ?? ''}</td>
      <td className="widest mono soft">
        {machine.macs[0]}
        {machine.macs.length > 1 && ` +${machine.macs.length - 1}`}
      </td>
      <td className="wider soft">
        <Ago at={machine.lastSeenAt} />
      </td>
    </tr>
  )
})
