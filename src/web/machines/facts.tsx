import { Anchor } from '@mantine/core'
import { IconPlayerTrackNext } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { Code } from '../parts/copy.tsx'
import { Card, Facts } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import style from './machines.module.css'

/** What it boots, and what is known of the machine itself. */
export function MachineFacts({ machine }: { machine: Machine }) {
  return (
    <div className={style.stack}>
      <Card title="Boots">
        <dl className="pairs">
          <dt>Profile</dt>
          <dd>
            {machine.profile ? (
              <Link to="/profiles/$profile" params={{ profile: machine.profile }}>
                {machine.profile}
              </Link>
            ) : (
              <span className="soft">none: parked</span>
            )}
          </dd>
          <dt>Next boot</dt>
          <dd>{machine.nextBoot ? <NextBoot machine={machine} /> : <span className="soft">as always</span>}</dd>
        </dl>
      </Card>
      <Card title="Machine">
        <Facts
          rows={[
            ['Model', [machine.manufacturer, machine.product].filter(Boolean).join(' ')],
            ['Serial', machine.serial && <Code copy>{machine.serial}</Code>],
            ['Firmware', machine.firmware?.toUpperCase()],
            ['Boot loader', machine.bootLoader === 'auto' ? undefined : machine.bootLoader],
            ['Architecture', machine.architecture],
            [
              machine.macs.length > 1 ? 'MACs' : 'MAC',
              machine.macs.map((mac) => (
                <div key={mac}>
                  <Code copy>{mac}</Code>
                </div>
              )),
            ],
            ['Address', machine.lastAddress && <Code copy>{machine.lastAddress}</Code>],
            ['Fixed IP', machine.ip && <Code copy>{machine.ip}</Code>],
            ['Host name', machine.hostname],
            [
              'UUID',
              machine.uuid && (
                <Code copy wrap>
                  {machine.uuid}
                </Code>
              ),
            ],
            ['Lab machine', machine.lab && <Link to="/lab">{machine.lab}</Link>],
            ['Seen', <Ago key="seen" at={machine.lastSeenAt} />],
            ['Registered', <Ago key="made" at={machine.createdAt} />],
          ]}
        />
      </Card>
      {machine.notes && (
        <Card title="Notes">
          <div style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{machine.notes}</div>
        </Card>
      )}
    </div>
  )
}

function NextBoot({ machine }: { machine: Machine }) {
  const user = useMay('user')
  const take = useDo('setBoot', { done: () => `The next boot of ${machine.name} is as always.` })
  if (!machine.nextBoot) return null
  return (
    <>
      <span className={style.once}>
        <IconPlayerTrackNext size={14} aria-hidden /> {machine.nextBoot.profile}
      </span>
      <div className="soft">
        ordered <Ago at={machine.nextBoot.orderedAt} /> by {machine.nextBoot.orderedBy}
      </div>
      {user && (
        <Anchor
          component="button"
          size="xs"
          onClick={() => take.mutate({ params: { machine: machine.id }, body: { once: null } })}
        >
          Take back
        </Anchor>
      )}
    </>
  )
}
