import type { Profile } from '../api/contract/profiles.ts'
import { type CliCommand, collect } from './command.ts'
import type { Context } from './context.ts'
import { WrongUse } from './failure.ts'
import { newPassword } from './password.ts'

type Item = Extract<Profile, { kind: 'menu' }>['items'][number]
/** What only profiles of kind `menu` have. */
export type MenuOptions = {
  title?: string
  item?: string[]
  itemPassword?: string[]
  openItem?: string[]
  default?: string
  timeout?: number
}

export function itemPasswordOptions(command: CliCommand): CliCommand {
  return command
    .option(
      '--item-password <profile=path>',
      'menu: a password for an entry, read from a file, or asked for without =PATH; may be given several times',
      collect,
    )
    .option('--open-item <profile>', 'menu: an entry that needs no password any more', collect)
}

function cutAt(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function itemOf(text: string, before: readonly Item[]): Item {
  const [profile, label = ''] = cutAt(text)
  // An entry that is only renamed goes on asking for its password.
  const password = before.find((item) => item.profile === profile)?.password ?? null
  return { profile, label, password }
}

/** The entries as they shall be; `undefined` when no option speaks of them. */
export async function menuItems(
  context: Context,
  { item, itemPassword = [], openItem = [] }: MenuOptions,
  before: readonly Item[],
): Promise<Item[] | undefined> {
  if (item === undefined && itemPassword.length === 0 && openItem.length === 0) return undefined
  const items = item?.map((text) => itemOf(text, before)) ?? before.map((each) => ({ ...each }))
  const find = (profile: string) => {
    const found = items.find((each) => each.profile === profile)
    if (!found)
      throw new WrongUse(`the menu has no entry ${profile}; it has ${items.map((each) => each.profile).join(', ')}`)
    return found
  }
  for (const profile of openItem) find(profile).password = null
  for (const text of itemPassword) {
    const [profile, path] = cutAt(text)
    const entry = find(profile)
    if (path === undefined) context.terminal.err(`For the entry ${profile}:\n`)
    entry.password = await newPassword(context, path)
  }
  return items
}

/** For a new menu without `--default`: its first entry. */
export function firstItem(item: readonly string[] | undefined): string | undefined {
  return item?.[0] === undefined ? undefined : cutAt(item[0])[0]
}
