import { Checkbox } from '@mantine/core'
import { useInViewport } from '@mantine/hooks'
import { IconPlayerTrackNext } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { IscsiSession } from '../../api/contract/iscsi.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { useGet } from '../api/use.ts'
import bars from '../machines/machines.module.css'
import { type Look, MACHINE_LOOKS, POWER_LOOKS, Status, traceLook } from '../parts/status.tsx'
import { bytes } from '../parts/words.ts'
import { inTwo } from './names.ts'
import style from './rooms.module.css'

type TileProps = {
  machine: Machine
  session: IscsiSession | undefined
  /** `undefined`: nothing may be chosen. */
  chosen: boolean | undefined
  /** The same function at each drawing, so that only tiles that changed are drawn again. */
  onChoose: (machine: Machine, on: boolean) => void
  /** Letters at the beginning of all names of the room, which small tiles leave out. */
  shared: number
  small: boolean
  /** Its power was not read for long: whoever looks at it asks. */
  ask: boolean
}

/** What matters most of a machine: its own state where that is out of the ordinary, else its newest boot. */
function lookOf({ state, boot, power }: Machine): Look {
  if (power === 'off') return ['calm', POWER_LOOKS.off[1], 'switched off']
  const odd = state === 'failed' || state === 'maintenance' || state === 'deploying' || state === 'retired'
  if (odd || !boot) return MACHINE_LOOKS[state]
  const look = traceLook(boot.state)
  return boot.state === 'running' ? [look[0], look[1], boot.stage] : look
}

/** One machine in the grid of a room. */
export const Tile = memo(function Tile(props: TileProps) {
  const { machine, chosen, small } = props
  const look = lookOf(machine)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the checkbox inside is for the keyboard; this is a larger target for the mouse
    <li
      className={small ? style.small : style.tile}
      data-tone={look[0]}
      data-chosen={chosen || undefined}
      title={small ? `${machine.name}: ${look[2]}, ${machine.profile ?? 'no profile'}` : undefined}
      onClick={(event) => {
        if (chosen !== undefined && !(event.target instanceof HTMLElement && event.target.closest('a, input, label')))
          props.onChoose(machine, !chosen)
      }}
    >
      <div className={style.tileHead}>
        {chosen !== undefined && (
          <Checkbox
            size="xs"
            aria-label={`Choose ${machine.name}`}
            checked={chosen}
            onChange={(event) => props.onChoose(machine, event.currentTarget.checked)}
          />
        )}
        <Link
          to="/machines/$machine"
          params={{ machine: machine.name }}
          aria-label={machine.name}
          title={small ? undefined : machine.name}
        >
          <Name name={small ? machine.name.slice(props.shared) : machine.name} />
        </Link>
        {small ? <Sign look={look} /> : machine.power && <Sign look={POWER_LOOKS[machine.power]} what="power " />}
      </div>
      {!small && <Details {...props} look={look} />}
      {props.ask && <AskPower machine={machine.id} />}
    </li>
  )
})

function Name({ name }: { name: string }) {
  const [start, end] = inTwo(name)
  return (
    <>
      <span className="ellipsis">{start}</span>
      <span>{end}</span>
    </>
  )
}

/** A state where there is room for its sign only; the word is there for who rests on it or listens. */
function Sign({ look, what = '' }: { look: Look; what?: string }) {
  const [tone, Icon, word] = look
  return (
    <span className={style.sign} data-tone={tone} role="img" aria-label={what + word} title={what + word}>
      <Icon size={15} aria-hidden />
    </span>
  )
}

function Details({ machine, session, look }: TileProps & { look: Look }) {
  const rate = session ? session.readBytesPerSecond + session.writtenBytesPerSecond : 0
  return (
    <>
      <div className="ellipsis" title={machine.boot?.headline}>
        {machine.power === 'off' ? <span className="soft">switched off</span> : <Status look={look} bare />}
      </div>
      <div className="ellipsis">
        {machine.profile ?? <span className="soft">no profile: parked</span>}
        {machine.nextBoot && (
          <span className={bars.once}>
            <IconPlayerTrackNext size={13} aria-label="next boot" /> {machine.nextBoot.profile}
          </span>
        )}
      </div>
      <div className={`${style.tileFoot} figures`}>
        {session ? (
          <>
            <span>{Math.round(session.readsPerSecond + session.writesPerSecond)} IOPS</span>
            <span>{bytes(Math.round(rate))}/s</span>
          </>
        ) : (
          'no disk attached'
        )}
      </div>
    </>
  )
}

/** Has the power of a machine read while it is looked at; what is read comes back with the list of machines. */
function AskPower({ machine }: { machine: string }) {
  const { ref, inViewport } = useInViewport<HTMLSpanElement>()
  const query = { maxAge: 60 }
  useGet('getPower', { params: { machine }, query }, { enabled: inViewport, refetchMs: 60_000 })
  return <span ref={ref} />
}
