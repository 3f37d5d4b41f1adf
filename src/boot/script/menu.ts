import type { Profile } from '../../profiles/profile.ts'
import type { IpxeLine, IpxeScript } from '../../protocols/ipxe/script.ts'
import { plainText } from '../../protocols/ipxe/text.ts'
import type { Choice } from './choose.ts'
import { askAgain, type Chosen, echo, forgetTyped, scriptUrl } from './lines.ts'
import { QUERY, type ScriptRequest } from './request.ts'

/** Seconds to read what was wrong before the menu covers it. */
const READING = 4

/** Shows a menu, and asks for the script of what was chosen. */
export function menuLines(
  request: ScriptRequest,
  profile: Extract<Profile, { kind: 'menu' }>,
  chosen: Chosen,
): IpxeScript {
  const url = [scriptUrl(request, chosen), `&${QUERY.choice}=`, { setting: 'choice' }] as const
  return [
    { label: 'menu' },
    { run: [{ do: 'menu', title: profile.title || profile.name }], otherwise: { goto: 'failed' } },
    ...profile.items.map(
      (item): IpxeLine => ({ run: [{ do: 'item', name: item.profile, text: item.label || item.profile }] }),
    ),
    {
      run: [{ do: 'choose', default: profile.default, timeoutMs: profile.timeoutSeconds * 1000 }],
      otherwise: { goto: 'menu' },
    },
    { run: [{ do: 'chain', url }], otherwise: 'next' },
    { label: 'failed' },
    echo('Reveille: the choice could not be fetched from the server'),
    ...askAgain(url, 5),
  ]
}

/**
 * Asks for the password of an entry and sends it as hex digits, which is the one form that iPXE sends unchanged. Escape, or a
 * password that was not right, leads back to the menu, whose default comes up by itself.
 */
export function passwordLines(
  request: ScriptRequest,
  { entry, choices, admission }: Extract<Choice, { what: 'password' }>,
  passes: readonly string[],
): IpxeScript {
  const back = scriptUrl(request, { choices, passes })
  const typed = [
    `${scriptUrl(request, { choices: [...choices, entry.profile], passes })}&${QUERY.typed}=`,
    { setting: 'password', as: 'hexraw' },
  ] as const
  const refused: IpxeScript = [
    echo(
      admission === 'wrong'
        ? 'That password is not right.'
        : `Too many passwords were wrong. Try again in ${laterSeconds(admission)} s.`,
    ),
    { run: [{ do: 'sleep', seconds: READING }], otherwise: 'next' },
  ]
  const ask: IpxeScript = [
    echo(plainText(`Password of ${entry.label || entry.profile}? The user name may stay empty; Escape leads back.`)),
    { run: [{ do: 'login' }], otherwise: { goto: 'back' } },
    { run: [{ do: 'chain', url: typed }], otherwise: 'next' },
    echo('Reveille: the password could not be sent to the server'),
  ]
  return [
    ...forgetTyped(),
    ...(admission === 'missing' ? ask : refused),
    { label: 'back' },
    ...forgetTyped(),
    { run: [{ do: 'chain', url: back }], otherwise: 'next' },
    ...askAgain(back, 5),
  ]
}

function laterSeconds(admission: Extract<Choice, { what: 'password' }>['admission']): number {
  return typeof admission === 'object' ? admission.laterSeconds : 0
}
