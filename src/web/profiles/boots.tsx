import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Profile } from '../../api/contract/profiles.ts'
import { Card, Facts } from '../parts/page.tsx'
import { summary } from './spec.ts'
import { targetText } from './target.ts'

type Of<Kind extends Profile['kind']> = Extract<Profile, { kind: Kind }>

/** What a profile boots, with all that the form asked for. Disks over iSCSI have a card of their own. */
export function Boots({ profile }: { profile: Profile }) {
  if (profile.kind === 'menu') return <MenuItems profile={profile} />
  if (profile.kind === 'script')
    return (
      <Card title="Its script" flush>
        <pre className="text">{profile.script}</pre>
      </Card>
    )
  if (profile.kind === 'diskless' || profile.kind === 'local' || profile.kind === 'park')
    return <Card title="Boots">{summary(profile)}</Card>
  return (
    <>
      <Card title="Boots">
        <Facts rows={profile.kind === 'install' ? installRows(profile) : rowsOf(profile)} />
      </Card>
      {profile.kind === 'live' &&
        profile.files.map(({ name, content }) => (
          <Card key={name} title={`File ${name}`} flush>
            <pre className="text">{content}</pre>
          </Card>
        ))}
    </>
  )
}

const image = (reference: string) => (
  <Link to="/images/$image" params={{ image: reference.replace(/@.*$/, '') }}>
    {reference}
  </Link>
)

const config = (reference: string | null) =>
  reference && (
    <Link to="/configs/$config" params={{ config: reference.replace(/@.*$/, '') }}>
      {reference}
    </Link>
  )

function rowsOf(profile: Of<'live'> | Of<'iso'> | Of<'wim'>): (readonly [string, ReactNode])[] {
  return [
    ['Image', image(profile.image)],
    ['Windows PE', profile.kind === 'wim' && profile.wim && image(profile.wim)],
    [
      'Command line',
      profile.kind === 'live' && profile.cmdline && (
        <span className="mono" style={{ whiteSpace: 'normal' }}>
          {profile.cmdline}
        </span>
      ),
    ],
    ['Config', 'config' in profile && config(profile.config)],
  ]
}

const FINISH: Readonly<Record<Of<'install'>['finish'], string>> = {
  reboot: 'it restarts into its own disk',
  'power-off': 'it is switched off',
  kexec: 'its system is started at once, without a restart',
}

function installRows(profile: Of<'install'>): (readonly [string, ReactNode])[] {
  const { identity } = profile
  const given = identity && [
    identity.hostname && 'host name',
    identity.sshKeys.length > 0 && `${identity.sshKeys.length} SSH keys of root`,
    identity.passwordHash && 'password of root',
    identity.userData && 'cloud-init',
    identity.ignition && 'Ignition',
  ]
  return [
    ...profile.targets.map(
      (target, place) => [place === 0 ? 'Writes' : `and ${place + 1}.`, targetText(target)] as const,
    ),
    ['Config', config(profile.config)],
    ['Own files', given?.filter(Boolean).join(', ')],
    ['Holes', profile.holes === 'zero' ? 'made zero' : 'given back to the disk'],
    ['Checked', profile.verify === 'full' ? 'every byte is read back' : 'samples are read back'],
    ['Grows', profile.grow && 'the last partition fills the disk'],
    ['Then', FINISH[profile.finish]],
  ]
}

function MenuItems({ profile }: { profile: Of<'menu'> }) {
  const { items, timeoutSeconds } = profile
  return (
    <Card title={profile.title || 'Menu'} flush>
      <table className="rows">
        <thead>
          <tr>
            <th>Shown</th>
            <th>Boots</th>
            <th>Chosen by itself</th>
            <th className="wide">Password</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.profile}>
              <td>{item.label || item.profile}</td>
              <td>
                <Link to="/profiles/$profile" params={{ profile: item.profile }}>
                  {item.profile}
                </Link>
              </td>
              <td className="soft">
                {item.profile === profile.default &&
                  (timeoutSeconds > 0 ? `after ${timeoutSeconds} s` : 'offered first, waits')}
              </td>
              <td className="wide soft">{item.password ? 'asked for' : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
