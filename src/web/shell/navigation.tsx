import {
  IconCpu2,
  IconDatabase,
  IconDeviceDesktop,
  IconDeviceFloppy,
  IconDeviceSdCard,
  IconDisc,
  IconFileText,
  IconFlask,
  IconGitBranch,
  IconKey,
  IconLayoutGrid,
  IconListDetails,
  IconNetwork,
  IconPlugConnected,
  IconServerCog,
  IconTemplate,
  IconTerminal2,
  IconUsers,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ComponentType } from 'react'
import { useConnected } from '../api/live.ts'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import style from './shell.module.css'

type Entry = { to: string; word: string; icon: ComponentType<{ size?: number }>; admin?: boolean; lab?: boolean }

/** Everything there is to go to, for the navigation and the search alike. */
export const PLACES: readonly (readonly [string, readonly Entry[]])[] = [
  [
    'Boot',
    [
      { to: '/machines', word: 'Machines', icon: IconDeviceDesktop },
      { to: '/rooms', word: 'Rooms', icon: IconLayoutGrid },
      { to: '/deployments', word: 'Deployments', icon: IconDeviceFloppy },
      { to: '/profiles', word: 'Profiles', icon: IconTemplate },
      { to: '/configs', word: 'Configs', icon: IconFileText },
      { to: '/images', word: 'Images', icon: IconDisc },
      { to: '/volumes', word: 'Volumes', icon: IconDatabase },
      { to: '/sessions', word: 'Sessions', icon: IconPlugConnected },
      { to: '/bmcs', word: 'BMCs', icon: IconCpu2 },
      { to: '/consoles', word: 'Consoles', icon: IconTerminal2 },
      { to: '/networks', word: 'Networks', icon: IconNetwork },
      { to: '/lab', word: 'Lab', icon: IconFlask, lab: true },
    ],
  ],
  [
    'Server',
    [
      { to: '/server', word: 'Status', icon: IconServerCog },
      { to: '/site', word: 'Site', icon: IconGitBranch },
      { to: '/storage', word: 'Storage', icon: IconDeviceSdCard, admin: true },
      { to: '/tokens', word: 'Tokens', icon: IconKey },
      { to: '/users', word: 'Users', icon: IconUsers, admin: true },
      { to: '/audit', word: 'Audit', icon: IconListDetails, admin: true },
    ],
  ],
]

/** The places that this person and this server have. */
export function usePlaces() {
  const admin = useMay('admin')
  const status = useGet('getStatus', {})
  const lab = status.data?.lab ?? false
  return PLACES.map(
    ([group, entries]) => [group, entries.filter((entry) => (!entry.admin || admin) && (!entry.lab || lab))] as const,
  )
}

export function Navigation({ onGo }: { onGo: () => void }) {
  const places = usePlaces()
  const status = useGet('getStatus', {})
  const connected = useConnected()
  const discovered = status.data?.machines.discovered ?? 0
  const deploying = status.data?.machines.deploying ?? 0
  return (
    <nav className={style.nav} aria-label="Main">
      {places.map(([group, entries]) => (
        <div key={group}>
          <div className={style.group}>{group}</div>
          {entries.map(({ to, word, icon: Icon }) => (
            <Link key={to} to={to} className={style.link} onClick={onGo}>
              <Icon size={17} />
              {word}
              {to === '/deployments' && deploying > 0 && (
                <span className={style.badge} data-calm title={`${deploying} machines are being deployed`}>
                  {deploying}
                </span>
              )}
              {to === '/machines' && discovered > 0 && (
                <span className={style.badge} title={`${discovered} discovered, waiting to be approved`}>
                  {discovered} new
                </span>
              )}
            </Link>
          ))}
        </div>
      ))}
      <div className={style.foot} role="status">
        <span className={style.dot} data-lost={connected ? undefined : true} />
        {connected ? 'Live' : 'Connecting again…'}
        {status.data && <span style={{ marginInlineStart: 'auto' }}>{status.data.version}</span>}
      </div>
    </nav>
  )
}
